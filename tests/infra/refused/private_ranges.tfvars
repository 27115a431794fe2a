# refused: private_ranges are address ranges
environment    = "dev"
private_ranges = ["10.20.0.0"]
