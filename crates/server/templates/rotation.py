"""A rotation function of CSMS for FunctionGraph: an event function in Python 3.6 or later, handler `index.handler`.

The event names a secret; the function gives the secret's database account a new password and moves the stages:

1. read the version whose account is changed;
2. take the pending version (stage SYSPENDING), or make one with a new password;
3. have the management API set that password;
4. move SYSCURRENT to the pending version, and take the stage SYSPENDING away.

SYSCURRENT moves only after the password is set. Each step may be repeated, so an attempt that broke off is continued by the
next one with the same password. The function does not log in to the database; nothing here prints or returns a value.

It needs no packages, and an agency with csms:secret:get, getVersion, createVersion, getStage, updateStage and deleteStage,
kms:cmk:createDataKey and decryptDataKey, and the right to reset passwords of the instance. Settings (user data), all
optional: CSMS_ENDPOINT, DATABASE_ENDPOINT.
"""

import datetime
import hashlib
import hmac
import json
import secrets
import urllib.error
import urllib.parse
import urllib.request

TIMEOUT_SECONDS = 10
PASSWORD_LENGTH = 32
PASSWORD_CLASSES = ("abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789", "-_~^*")

# (which account, and how its password is set)

class Failure(Exception):
    """Why the rotation did not happen."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class Refused(Exception):
    """An answer of a service with a status other than success."""

    def __init__(self, status, code):
        super().__init__("HTTP %s, %s" % (status, code))
        self.status = status


class Unreachable(Exception):
    """No answer: the request may have been carried out or not."""


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Another address would be asked without a valid signature."""

    def redirect_request(self, *_):
        return None


OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirect)


class Service:
    """A service of the project, asked with requests signed by SDK-HMAC-SHA256."""

    def __init__(self, endpoint, project, context):
        self.endpoint = endpoint.rstrip("/")
        self.project = project
        self.access_key = context.getSecurityAccessKey()
        self.secret_key = context.getSecuritySecretKey()
        self.token = context.getSecurityToken()

    def call(self, method, path, body=None):
        """The JSON answer of one request."""
        content = b"" if body is None else json.dumps(body).encode("utf-8")
        url = self.endpoint + path
        request = urllib.request.Request(url, data=content or None, method=method, headers=self.headers(method, url, content))
        try:
            with OPENER.open(request, timeout=TIMEOUT_SECONDS) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise Refused(error.code, error_code(error.read())) from None
        except (OSError, ValueError):
            raise Unreachable("no answer") from None
        return json.loads(text) if text else None

    def headers(self, method, url, content):
        date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        place = urllib.parse.urlsplit(url)
        headers = {
            "content-type": "application/json",
            "host": place.netloc,
            "x-project-id": self.project,
            "x-sdk-date": date,
        }
        if self.token:
            headers["x-security-token"] = self.token
        names = sorted(headers)
        canonical = "\n".join(
            [method, place.path.rstrip("/") + "/", ""]
            + ["%s:%s" % (name, headers[name]) for name in names]
            + ["", ";".join(names), hashlib.sha256(content).hexdigest()]
        )
        digest = hashlib.sha256(canonical.encode("utf-8")).hexdigest()
        text = "\n".join(["SDK-HMAC-SHA256", date, digest])
        signature = hmac.new(self.secret_key.encode("utf-8"), text.encode("utf-8"), hashlib.sha256).hexdigest()
        headers["Authorization"] = "SDK-HMAC-SHA256 Access=%s, SignedHeaders=%s, Signature=%s" % (
            self.access_key,
            ";".join(names),
            signature,
        )
        return headers


def error_code(text):
    """The code in the body of an error. Its message is left out: it could quote the request."""
    try:
        body = json.loads(text)
        body = body.get("error", body)
        return str(body.get("error_code") or body.get("errCode") or "no code")
    except (ValueError, AttributeError):
        return "no code"


class Secret:
    """The secret of the event."""

    def __init__(self, service, name):
        self.service = service
        self.path = "/v1/%s/secrets/%s" % (service.project, urllib.parse.quote(name, safe=""))

    def marked(self, stage):
        """The version that a stage marks, or None."""
        try:
            return self.service.call("GET", "%s/stages/%s" % (self.path, stage))["stage"]["version_id"]
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    def value(self, version):
        """The account in a version: a JSON object."""
        found = self.service.call("GET", "%s/versions/%s" % (self.path, version))["version"]
        try:
            value = json.loads(found["secret_string"])
        except (KeyError, TypeError, ValueError):
            value = None
        if not isinstance(value, dict) or not value.get("username") or not value.get("password"):
            raise Failure("ROTATION_INVALID_SECRET", "%s is no JSON object with username and password" % version)
        return value

    def add(self, value):
        """Makes a pending version."""
        body = {"secret_string": json.dumps(value), "version_stages": ["SYSPENDING"]}
        return self.service.call("POST", self.path + "/versions", body)["version_metadata"]["id"]

    def move(self, stage, version):
        self.service.call("PUT", "%s/stages/%s" % (self.path, stage), {"version_id": version})

    def unmark(self, stage):
        try:
            self.service.call("DELETE", "%s/stages/%s" % (self.path, stage))
        except Refused as refused:
            if refused.status != 404:
                raise


def new_password():
    """A random password with a character of each class."""
    every = "".join(PASSWORD_CLASSES)
    while True:
        password = "".join(secrets.choice(every) for _ in range(PASSWORD_LENGTH))
        if all(any(character in password for character in kind) for kind in PASSWORD_CLASSES):
            return password


def connection(value):
    """What of an account must stay the same: all but the password."""
    return {name: member for name, member in value.items() if name != "password"}


def rotate(secret, databases, instance, wanted):
    """Carries the rotation out and answers the version that is SYSCURRENT now."""
    current, previous = secret.marked("SYSCURRENT"), secret.marked("SYSPREVIOUS")
    if wanted is not None and current == wanted:
        # An earlier attempt got this far, and its answer was lost.
        if secret.marked("SYSPENDING") == current:
            secret.unmark("SYSPENDING")
        return current
    base = {"SYSCURRENT": current, "SYSPREVIOUS": previous}[BASE_STAGE]
    if base is None:
        raise Failure("ROTATION_INVALID_SECRET", "no version has the stage " + BASE_STAGE)
    account = secret.value(base)
    pending = secret.marked("SYSPENDING")
    if pending is None or pending in (current, previous):
        pending = secret.add(dict(account, password=new_password()))
    new = secret.value(pending)
    if connection(new) != connection(account):
        raise Failure("ROTATION_NEEDS_OPERATOR", "%s and %s are not about the same account" % (pending, base))
    try:
        reset_password(databases, instance, new)
    except Refused as refused:
        if refused.status < 500:
            raise Failure("ROTATION_NEEDS_OPERATOR", "the password was not set: %s" % refused) from None
        raise Failure("ROTATION_UNFINISHED", "the password may have been set: %s" % refused) from None
    except Unreachable:
        raise Failure("ROTATION_UNFINISHED", "the management API gave no answer") from None
    try:
        secret.move("SYSCURRENT", pending)
        if secret.marked("SYSPREVIOUS") != current:
            secret.move("SYSPREVIOUS", current)
        secret.unmark("SYSPENDING")
    except (Refused, Unreachable) as error:
        raise Failure("ROTATION_UNFINISHED", "the password is set, the stages are not moved: %s" % error) from None
    return pending


def member(event, name):
    """A text of the event that must be there."""
    text = event.get(name)
    if not isinstance(text, str) or not text:
        raise Failure("ROTATION_INVALID_EVENT", name + " is missing")
    return text


def answer(event, context):
    if event.get("version", "1") != "1" or event.get("dry_run"):
        raise Failure("ROTATION_INVALID_EVENT", "this function knows events of version 1 only")
    project, config = member(event, "project_id"), event.get("rotation_config")
    if isinstance(config, str):
        config = json.loads(config.replace("'", '"'))
    instance = (config or {}).get("InstanceId")
    if not instance:
        raise Failure("ROTATION_INVALID_EVENT", "rotation_config has no InstanceId")
    endpoint = context.getUserData("CSMS_ENDPOINT") or member(event, "csms_endpoint")
    databases = context.getUserData("DATABASE_ENDPOINT") or DATABASE_ENDPOINT % member(event, "region")
    secret = Secret(Service(endpoint, project, context), member(event, "secret_name"))
    return rotate(secret, Service(databases, project, context), instance, event.get("version_id"))


def handler(event, context):
    """Answers what became of the rotation; never a value."""
    try:
        return {"status": "SUCCESS", "version_id": answer(event, context)}
    except Failure as failure:
        code, message = failure.code, str(failure)
    except Refused as refused:
        code = "ROTATION_UNAVAILABLE" if refused.status >= 500 or refused.status == 429 else "ROTATION_SERVICE_REFUSED"
        message = "the service answered %s" % refused
    except Unreachable:
        code, message = "ROTATION_UNAVAILABLE", "the service gave no answer"
    except (KeyError, TypeError, ValueError) as error:
        code, message = "ROTATION_INVALID_EVENT", type(error).__name__
    return {"status": "FAILED", "error_code": code, "error_msg": message}
