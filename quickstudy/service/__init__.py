"""The service: posts over HTTP, and the page that shows them. It draws and translates; the
office decides. See `app.make_app` for the routes and `serve.serve` for how it is started.
"""
