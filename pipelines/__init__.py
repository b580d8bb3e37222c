"""When and which: assembly of the asset graph, runs, storage and tracking. Nothing here computes."""

import os

# Read when OpenMP is loaded: threads that wait by spinning take the core from what they wait for as soon as another
# process wants it too, and a fit of two seconds takes forty.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
