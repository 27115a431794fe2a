# refused: one that begins with a wildcard lets everybody in
environment = "dev"
access      = { subjects = { deploy = ["repo:*:environment:prod"] } }
