# refused: public_url is an https URL without a path
environment    = "dev"
public_url = "https://t3nets.example.com/chat"
