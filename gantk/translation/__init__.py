"""Translation: what a generator makes of pictures of any size, in tiles that overlap."""
