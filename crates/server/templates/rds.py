# The management API of RDS, the same for all engines.
DATABASE_ENDPOINT = "https://rds.%s.myhuaweicloud.com"
RDS_ENGINE = "ENGINE"


def reset_password(databases, instance, account):
    """Has RDS set the password of an account of the instance."""
    engine = account.get("engine", RDS_ENGINE)
    if engine != RDS_ENGINE and not (engine == "mariadb" and RDS_ENGINE == "mysql"):
        raise Failure("ROTATION_INVALID_SECRET", "this function is for the engine " + RDS_ENGINE)
    path = "/v3/%s/instances/%s/db_user/resetpwd" % (databases.project, urllib.parse.quote(instance, safe=""))
    databases.call("POST", path, {"name": account["username"], "password": account["password"]})

