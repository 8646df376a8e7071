# Two accounts take turns: the one in SYSPREVIOUS, which nobody uses, gets a new password and becomes SYSCURRENT.
BASE_STAGE = "SYSPREVIOUS"
