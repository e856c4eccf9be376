"""Payload formats; csv, mtx and arrow never meet, what two of them share stands in `names`."""
