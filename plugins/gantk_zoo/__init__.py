"""Published systems, each as its paper has it: one module a paper, in a folder for its family.

A module holds the paper's loss and the nets that only it needs; what two papers share lies in `gantk_basics`.
"""
