"""Photos: finding them in a folder and decoding them, however odd, to upright sRGB."""
