# One account: its password in SYSCURRENT is replaced. Until SYSCURRENT moves, new connections with the old one are refused.
BASE_STAGE = "SYSCURRENT"
