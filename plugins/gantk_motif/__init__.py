"""The toy motif: 0/1 strings that hide one fixed pattern at a random place, as a course on generative models uses them.

The data have a known truth, so every failure of a GAN can be counted: strings without the motif, places that are never
used, bits that never change, strings that repeat.
"""
