"""What a learner thinks with: two speeds, an arbiter, memory. Never imports jobs."""

import os

# Read once, when JAX starts: its programs here are too small to share among threads, which
# would only wait for each other. Whoever sets XLA_FLAGS, or starts JAX before, decides.
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
