# refused: private_ranges are address ranges
