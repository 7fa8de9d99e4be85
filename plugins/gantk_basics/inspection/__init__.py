"""What `gantk inspect` finds in a folder of images, and the recipe it proposes."""
