"""How fast the gateway is, as ratios against bare libraries in the same run: `make bench`.

Machines are shared and noisy, so nothing here is a time limit and no test depends on it. Each figure is the median of
ratios taken round by round from interleaved runs; the server runs in a process of its own.
"""
