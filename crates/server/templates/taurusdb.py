# The management API of TaurusDB.
DATABASE_ENDPOINT = "https://gaussdb.%s.myhuaweicloud.com"


def reset_password(databases, instance, account):
    """Has TaurusDB set the password of an account that may log in from everywhere."""
    path = "/v3/%s/instances/%s/db-users/password" % (databases.project, urllib.parse.quote(instance, safe=""))
    user = {"name": account["username"], "host": "%", "password": account["password"]}
    databases.call("PUT", path, {"users": [user]})

