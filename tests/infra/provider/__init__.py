"""A provider for Terraform that stands in for hashicorp/aws and never talks to AWS.

It serves the real provider's resource schemas to the real Terraform, so that arguments, blocks and
types are checked as they would be. An apply makes up recognisable values (ids, ARNs, addresses) for
what AWS would answer, so that a state resolves fully; as with the real provider they are unknown in
a plan. `rules` adds what the real provider and AWS check and a schema does not say. It knows no
quotas, no propagation of permissions, and not whether an image or a model exists.

Read main.py first (the service that Terraform calls), then resources.py (what a plan and an apply
give), made_up.py and data_sources.py. wire.py is the encoding, schema.py the schemas.
"""
