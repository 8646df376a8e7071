//! The one table of what each operation touches: for every operation a request, and every resource that the request reads,
//! changes or uses, with the facts that conditions may ask about.
//!
//! Written from what the operations are documented to do. The rows come from the tables of the wire, so an operation that is
//! added without saying here what it touches fails the suite.

use csms_api::{
    Operation, cts::CtsOperation, eps::EpsOperation, iam::IamOperation, kms::KmsOperation, operation::Specification,
};
use csms_hostile::Context;
use csms_server::services::functiongraph::FunctionOperation;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::world::{Asked, World};

/// Who is let through to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Who is allowed by a policy.
    Allow,
    /// Who is not denied.
    NoDeny,
}

/// One resource that a request touches.
#[derive(Clone, Debug)]
pub(crate) struct Touch {
    pub(crate) actions: &'static [&'static str],
    pub(crate) resource: String,
    pub(crate) facts: Context,
    pub(crate) need: Need,
}

impl Touch {
    fn new(actions: &'static [&'static str], resource: String, facts: &[(&str, &str)]) -> Self {
        let facts = facts.iter().map(|(key, value)| (csms_hostile::normalised(key), vec![(*value).to_owned()]));
        Self { actions, resource, facts: facts.collect(), need: Need::Allow }
    }

    fn unless_denied(self) -> Self {
        Self { need: Need::NoDeny, ..self }
    }

    /// The same with tags that the request sets or removes.
    fn tagging(mut self, key: &str, value: &str) -> Self {
        self.facts.insert(csms_hostile::normalised(&format!("g:RequestTag/{key}")), vec![value.to_owned()]);
        self.facts.insert(csms_hostile::normalised("g:TagKeys"), vec![key.to_owned()]);
        self
    }
}

/// How an answer shows that the caller was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// By its error code.
    ByCode,
    /// By the absence of this secret from the deleted ones.
    ByAbsence(String),
}

/// A request for an operation.
pub(crate) struct Row {
    pub(crate) operation: &'static str,
    pub(crate) asked: Asked,
    pub(crate) touches: Vec<Touch>,
    /// The same request with other names for the same things.
    pub(crate) alias: Option<Asked>,
    /// Whether the operation reads its body as JSON.
    pub(crate) reads_body: bool,
    /// What the administrator does after a request that was let through, so that all is as before.
    pub(crate) repair: Option<Asked>,
    /// Whether a request that was let through uses up the secrets.
    pub(crate) spoils: bool,
    pub(crate) shown: Shown,
}

impl Row {
    fn alias(self, path: &str, body: &Value) -> Self {
        let alias = Some(Asked::new(self.asked.method, path, body));
        Self { alias, ..self }
    }

    fn repaired(self, method: &'static str, path: &str, body: &Value) -> Self {
        Self { repair: Some(Asked::new(method, path, body)), ..self }
    }

    fn spoiling(self) -> Self {
        Self { spoils: true, ..self }
    }
}

/// The names of the right to read a value.
const READ: &[&str] = Operation::ShowSecretVersion.specification().actions;

/// The names of the right to rotate a secret, and of that to invoke a function.
const ROTATE: &[&str] = Operation::RotateSecret.specification().actions;
const INVOKE: &[&str] = FunctionOperation::InvokeFunction.specification().actions;

/// Builds rows over the present state of a world.
struct Table<'w>(&'w World);

impl Table<'_> {
    fn secret_in(&self, region: &str, actions: &'static [&'static str], name: &str, facts: &[(&str, &str)]) -> Touch {
        let resource = format!("csms:{region}:{}:secretName:{name}", self.0.domain);
        let mut all =
            vec![("csms:Type", "COMMON"), ("csms:KmsKeyId", self.0.k2.as_str()), ("g:EnterpriseProjectId", "0")];
        all.extend(facts);
        Touch::new(actions, resource, &all)
    }

    fn subject(&self, actions: &'static [&'static str]) -> Touch {
        self.secret_in("home", actions, &self.0.subject(), &[("g:ResourceTag/stage", "production")])
    }

    fn other(&self, actions: &'static [&'static str]) -> Touch {
        self.secret_in("home", actions, &self.0.other(), &[("csms:KmsKeyId", &self.0.k1)])
    }

    /// The secret that is rotated. The key of it is the project's default one, which no condition here names.
    fn rotated(&self, actions: &'static [&'static str]) -> Touch {
        let facts = [("csms:Type", "RDS-FG"), ("csms:KmsKeyId", "default")];
        self.secret_in("home", actions, &self.0.rotated(), &facts)
    }

    fn all(&self, service: &str, kind: &str, actions: &'static [&'static str]) -> Touch {
        let region = if service == "iam" { "" } else { "home" };
        Touch::new(actions, format!("{service}:{region}:{}:{kind}:*", self.0.domain), &[])
    }

    fn secrets(&self, actions: &'static [&'static str]) -> Touch {
        self.all("csms", "secretName", actions)
    }

    fn key_in(&self, region: &str, actions: &'static [&'static str], id: &str) -> Touch {
        let resource = format!("kms:{region}:{}:KeyId:{id}", self.0.domain);
        Touch::new(actions, resource, &[("csms:KmsKeyId", id), ("g:EnterpriseProjectId", "0")])
    }

    fn key(&self, actions: &'static [&'static str], id: &str) -> Touch {
        self.key_in("home", actions, id)
    }

    fn sealing(&self, id: &str) -> Touch {
        self.key(KmsOperation::CreateDatakey.specification().actions, id)
    }

    fn opening(&self, id: &str) -> Touch {
        self.key(KmsOperation::DecryptDatakey.specification().actions, id)
    }

    /// The reading of the subject's value, of its one version.
    fn reading(&self) -> Touch {
        self.of_version(READ)
    }

    /// What an operation does to the subject's one version.
    fn of_version(&self, actions: &'static [&'static str]) -> Touch {
        self.secret_in(
            "home",
            actions,
            &self.0.subject(),
            &[("g:ResourceTag/stage", "production"), ("csms:VersionId", "v1")],
        )
    }

    /// The reading of the version of the secret that was moved: with the key of the secret, and with the one that seals it.
    fn reading_moved(&self) -> Vec<Touch> {
        let under = |key: &str| {
            let facts = [("csms:KmsKeyId", key), ("csms:VersionId", "v1")];
            self.secret_in("home", READ, &self.0.moved(), &facts)
        };
        vec![under(&self.0.k1), under(&self.0.k2)]
    }

    /// The secret that a rotation cannot begin with.
    fn unready(&self, actions: &'static [&'static str]) -> Touch {
        self.secret_in("home", actions, &self.0.unready(), &[("csms:Type", "RDS-FG")])
    }

    /// The invocation of the rotation function.
    fn invoking(&self) -> Touch {
        let resource = format!("functiongraph:home:{}:function:default/failing", self.0.domain);
        Touch::new(INVOKE, resource, &[]).unless_denied()
    }

    fn user(&self, actions: &'static [&'static str], name: &str) -> Touch {
        Touch::new(actions, format!("iam::{}:user:{name}", self.0.domain), &[])
    }

    fn policy(&self, actions: &'static [&'static str], name: &str) -> Touch {
        Touch::new(actions, format!("iam::{}:policy:{name}", self.0.domain), &[])
    }

    fn row(
        &self,
        row: Specification,
        parameters: &[(&str, &str)],
        query: &str,
        body: Value,
        touches: Vec<Touch>,
    ) -> Row {
        let mut path = row.path.replace("{project_id}", &self.0.home);
        for (name, value) in parameters {
            path = path.replace(&format!("{{{name}}}"), value);
        }
        assert!(!path.contains('{'), "{path}");
        path.push_str(query);
        let reads_body = !body.is_null();
        Row {
            operation: row.name,
            asked: Asked::new(row.method.as_str(), &path, &body),
            touches,
            alias: None,
            reads_body,
            repair: None,
            spoils: false,
            shown: Shown::ByCode,
        }
    }
}

/// The requests that move a secret to an enterprise project. The body names the secret by its identifier.
pub(crate) fn of_moves(world: &World, operation: EpsOperation) -> Vec<Row> {
    let (table, row) = (Table(world), operation.specification());
    let of = |body, touched| table.row(row, &[("enterprise_project_id", "0")], "", body, touched);
    match operation {
        EpsOperation::MigrateResource => {
            let body = |kind, id| json!({ "project_id": world.home, "resource_id": id, "resource_type": kind });
            let key = table.key(KmsOperation::UpdateKeyDescription.specification().actions, &world.k2);
            vec![
                of(body("csms", world.subject_id.as_str()), vec![table.subject(row.actions)]),
                of(body("kms", world.k2.as_str()), vec![key]),
            ]
        }
        EpsOperation::ShowResourceBindEnterpriseProject => {
            let body = |kinds: &[&str]| json!({ "projects": [world.home], "resource_types": kinds });
            let secrets = table.secrets(row.actions);
            let keys = table.all("kms", "KeyId", KmsOperation::ListKeys.specification().actions);
            vec![of(body(&["csms"]), vec![secrets.clone()]), of(body(&["csms", "kms"]), vec![secrets, keys])]
        }
    }
}

/// The requests for an operation on secrets.
pub(crate) fn of_secrets(world: &World, operation: Operation) -> Vec<Row> {
    use Operation::*;
    let table = Table(world);
    let row = operation.specification();
    let actions = row.actions;
    let (subject, id) = (world.subject(), world.subject_id.clone());
    let name = [("secret_name", subject.as_str())];
    let by_name = |query, body, touches| table.row(row, &name, query, body, touches);
    let simple = |body| vec![by_name("", body, vec![table.subject(actions)])];
    let about_all = |parameters: &[(&str, &str)], query: &str, body| {
        vec![table.row(row, parameters, query, body, vec![table.secrets(actions)])]
    };
    let needs_nothing =
        |query: &str, body| vec![table.row(row, &[], query, body, vec![table.secrets(actions).unless_denied()])];
    let home = |rest: &str| format!("/v1/{}/{rest}", world.home);
    let of_home = |rest: &str| home(&format!("secrets/{subject}{rest}"));
    let event = json!({
        "name": "ev", "event_types": ["SECRET_VERSION_CREATED"], "state": "ENABLED",
        "notification": { "target_type": "SMN", "target_id": "urn:smn:home:x:t", "target_name": "t" },
    });
    // What rotations of the secret use that cannot begin one.
    let rotations = || {
        let used = [table.sealing(&world.k2), table.reading()].map(Touch::unless_denied);
        used.into_iter().chain([table.invoking()]).collect::<Vec<_>>()
    };
    let grant = |resource: &str| json!({ "resource_id": resource, "type": "SECRET", "grantee_type": "0", "grantee_target_id": world.bob });
    match operation {
        CreateSecret => {
            let new = format!("prod-new-{}", world.round);
            let body = json!({ "name": new, "secret_string": "x", "kms_key_id": world.k2 });
            let under = table.secret_in("home", actions, &new, &[]);
            let (rotated, body_of_rotated) = (format!("{new}-rotated"), world.rotation(&format!("{new}-rotated")));
            // The request names no key, so that it gets the default one.
            let facts = [("csms:Type", "RDS-FG"), ("csms:KmsKeyId", "default")];
            let made = table.secret_in("home", actions, &rotated, &facts);
            let mut by_itself = body_of_rotated.clone();
            by_itself["auto_rotation"] = true.into();
            by_itself["rotation_period"] = "30d".into();
            let rotating = Touch { actions: ROTATE, ..made.clone() }.unless_denied();
            let touches = vec![made.clone(), rotating, table.invoking(), table.reading()];
            vec![
                table.row(row, &[], "", body, vec![under, table.sealing(&world.k2)]),
                table.row(row, &[], "", body_of_rotated, vec![made, table.reading()]),
                table.row(row, &[], "", by_itself, touches),
            ]
        }
        BatchImportSecrets => {
            let new = format!("prod-import-{}", world.round);
            let entry = json!({ "name": new, "secret_string": "x", "kms_key_id": world.k2 });
            let rotated = world.rotation(&format!("{new}-rotated"));
            let facts = [("csms:Type", "RDS-FG"), ("csms:KmsKeyId", "default")];
            let made = table.secret_in("home", actions, &format!("{new}-rotated"), &facts);
            let touches =
                vec![table.secret_in("home", actions, &new, &[]), table.sealing(&world.k2), made, table.reading()];
            vec![table.row(row, &[], "", json!({ "secrets": [entry, rotated] }), touches)]
        }
        UploadSecretBlob => {
            let touches = vec![table.rotated(actions), table.reading()];
            vec![table.row(row, &[], "", json!({ "secret_blob": world.blob }), touches)]
        }
        UpdateSecret => {
            let moved = json!({ "kms_key_id": world.k1 });
            let mut under_new = table.subject(actions);
            under_new.facts.insert(csms_hostile::normalised("csms:KmsKeyId"), vec![world.k1.clone()]);
            let touches = vec![table.subject(actions), under_new, table.sealing(&world.k1)];
            let moving = by_name("", moved, touches).alias(&of_home(""), &json!({ "kms_key_id": "k1" }));
            let unready = world.unready();
            let on = json!({ "auto_rotation": true, "rotation_period": "30d" });
            let mut used = rotations();
            used.extend([table.unready(actions), table.unready(ROTATE).unless_denied()]);
            let rotating = table.row(row, &[("secret_name", &unready)], "", on, used);
            let off = json!({ "auto_rotation": false });
            vec![
                by_name("", json!({ "description": "x" }), vec![table.subject(actions)]),
                moving.repaired("PUT", &of_home(""), &json!({ "kms_key_id": world.k2 })),
                rotating.repaired("PUT", &home(&format!("secrets/{unready}")), &off),
            ]
        }
        RotateSecret => {
            let of_subject = vec![table.subject(actions), table.sealing(&world.k2).unless_denied()];
            let mut used = rotations();
            used.push(table.unready(actions));
            let unready = world.unready();
            vec![
                by_name("", Value::Null, of_subject),
                table.row(row, &[("secret_name", &unready)], "", Value::Null, used),
            ]
        }
        ShowSecret | RestoreSecret | DownloadSecretBlob | ListSecretVersions => simple(Value::Null),
        DeleteSecret => simple(Value::Null).into_iter().map(Row::spoiling).collect(),
        DeleteSecretForSchedule => {
            let row = by_name("", json!({ "recovery_window_in_days": 7 }), vec![table.subject(actions)]);
            vec![row.repaired("POST", &of_home("/scheduled-deleted-tasks/cancel"), &Value::Null)]
        }
        ListSecretTask => {
            let of_one = format!("?secret_name={subject}");
            let mut rows = about_all(&[], "", Value::Null);
            rows.push(table.row(row, &[], &of_one, Value::Null, vec![table.subject(actions)]));
            rows
        }
        CreateSecretVersion => {
            let account = world.rotation("x")["secret_string"].clone();
            let rotated = world.rotated();
            let of_rotated = vec![table.rotated(actions), table.reading()];
            vec![
                by_name("", json!({ "secret_string": "x" }), vec![table.subject(actions), table.sealing(&world.k2)])
                    .spoiling(),
                table.row(row, &[("secret_name", &rotated)], "", json!({ "secret_string": account }), of_rotated),
            ]
        }
        ShowSecretVersion => {
            let moved = world.moved();
            let of_moved = table.reading_moved().into_iter().chain([table.opening(&world.k2)]).collect();
            let reading = |name: &str, version: &str, touches| {
                table.row(row, &[("secret_name", name), ("version_id", version)], "", Value::Null, touches)
            };
            let of_subject = || vec![table.of_version(actions), table.opening(&world.k2)];
            vec![
                reading(&subject, "latest", of_subject()),
                reading(&subject, "v1", of_subject()),
                reading(&moved, "latest", of_moved),
            ]
        }
        UpdateVersion => {
            let touch = table.of_version(actions);
            let in_a_year = world.server.clock.now().as_millis() + 365 * 86_400_000;
            let body = json!({ "expire_time": in_a_year });
            vec![table.row(row, &[name[0], ("version_id", "v1")], "", body, vec![touch])]
        }
        ShowSecretStage => {
            vec![table.row(
                row,
                &[name[0], ("stage_name", "SYSCURRENT")],
                "",
                Value::Null,
                vec![table.subject(actions)],
            )]
        }
        UpdateSecretStage => {
            let body = json!({ "version_id": "v1" });
            vec![table.row(row, &[name[0], ("stage_name", "live")], "", body, vec![table.subject(actions)])]
        }
        DeleteSecretStage => {
            vec![table.row(row, &[name[0], ("stage_name", "absent")], "", Value::Null, vec![table.subject(actions)])]
        }
        CreateSecretStage => simple(json!({ "name": "live", "version_id": "v1" })),
        BatchGetSecretValue => {
            let body = json!({ "secret_name_list": [subject, world.other()] });
            let mut other = table.other(actions);
            other.facts.insert(csms_hostile::normalised("csms:VersionId"), vec!["v1".to_owned()]);
            let touches = vec![table.of_version(actions), table.opening(&world.k2), other, table.opening(&world.k1)];
            let of_moved = table.reading_moved().into_iter().chain([table.opening(&world.k2)]).collect();
            let moved = json!({ "secret_name_list": [world.moved()] });
            vec![table.row(row, &[], "", body, touches), table.row(row, &[], "", moved, of_moved)]
        }
        BatchDeleteSecrets => {
            let body = json!({ "instance_id": format!("i{}", world.round) });
            let row = table.row(row, &[], "", body, vec![table.rotated(actions)]).spoiling();
            vec![Row { shown: Shown::ByAbsence(world.rotated()), ..row }]
        }
        BatchCreateOrDeleteTags => {
            let of = |action: &str, value: &str| {
                let body = json!({ "action": action, "tags": [{ "key": "a", "value": value }] });
                let touch = table.subject(actions).tagging("a", if action == "create" { value } else { "" });
                table.row(row, &[("secret_id", &id)], "", body, vec![touch])
            };
            vec![of("create", "b"), of("delete", "")]
        }
        CreateSecretTag => {
            let body = json!({ "tag": { "key": "a", "value": "b" } });
            vec![table.row(row, &[("secret_id", &id)], "", body, vec![table.subject(actions).tagging("a", "b")])]
        }
        DeleteSecretTag => {
            let touch = table.subject(actions).tagging("absent", "");
            vec![table.row(row, &[("secret_id", &id), ("key", "absent")], "", Value::Null, vec![touch])]
        }
        ListSecretTags => vec![table.row(row, &[("secret_id", &id)], "", Value::Null, vec![table.subject(actions)])],
        ListSecrets | ListProjectSecretsTags | ListSecretEvents | ListNotificationRecords => {
            about_all(&[], "", Value::Null)
        }
        ListResourceInstances => about_all(&[], "", json!({ "action": "filter" })),
        CreateSecretEvent => about_all(&[], "", event),
        ShowSecretEvent | DeleteSecretEvent => about_all(&[("event_name", "absent")], "", Value::Null),
        UpdateSecretEvent => about_all(&[("event_name", "absent")], "", json!({ "state": "DISABLED" })),
        GenerateRandomPassword => about_all(&[], "", json!({ "length": 20 })),
        CheckSecrets => needs_nothing("", json!({ "type": "password", "data": { "secret": "x", "user_name": "u" } })),
        ShowSecretsConfig | ListSupportRegions => needs_nothing("", Value::Null),
        ShowSecretFunctionTemplates => {
            needs_nothing("?secret_type=RDS-FG&secret_sub_type=SingleUser&engine=mysql", Value::Null)
        }
        ShowAgency => needs_nothing("?secret_type=RDS-FG", Value::Null),
        UpdateSecretsConfig => about_all(&[], "", json!({ "checking_secret_strength": true })),
        CreateAgency => about_all(&[], "", json!({ "secret_type": "RDS-FG" })),
        CreateGrants => {
            // All versions that come later can be read with it, too.
            let (every, each) = (table.subject(READ), table.reading().unless_denied());
            let subjects = table.row(row, &[], "", grant(&id), vec![table.subject(actions), every, each]);
            let moved = |actions| table.secret_in("home", actions, &world.moved(), &[("csms:KmsKeyId", &world.k1)]);
            let each = table.reading_moved().into_iter().map(Touch::unless_denied);
            let of_moved = [moved(actions), moved(READ)].into_iter().chain(each).collect();
            vec![
                subjects.alias(&home("csms/grants"), &grant(&subject)),
                table.row(row, &[], "", grant(&world.moved()), of_moved),
            ]
        }
        UpdateGrant => {
            let (every, each) = (table.subject(READ), table.reading().unless_denied());
            let touches = vec![table.subject(actions), every, each];
            let row = table.row(row, &[], &format!("?resource_id={id}"), grant(&id), touches);
            vec![row.alias(&home(&format!("csms/grants?resource_id={subject}")), &grant(&subject))]
        }
        ListGrants | DeleteGrant => {
            let row = table.row(row, &[], &format!("?resource_id={id}"), Value::Null, vec![table.subject(actions)]);
            vec![row.alias(&home(&format!("csms/grants?resource_id={subject}")), &Value::Null)]
        }
        ListUsers => about_all(&[], "?offset=0&limit=10", Value::Null),
        ShowUserDetail => about_all(&[("user_id", &world.bob)], "", Value::Null),
        UpdateUserPassword => {
            about_all(&[], "", json!({ "password": "A new 1, long", "old_password": "not the old one" }))
        }
        CreateSecretReplica => {
            let body = json!({ "region": "away", "kms_key_id": world.abroad });
            let there = [("csms:KmsKeyId", world.abroad.as_str())];
            let touches = vec![
                table.subject(actions),
                table.reading().unless_denied(),
                table.key_in("away", KmsOperation::CreateDatakey.specification().actions, &world.abroad),
                table.secret_in("away", actions, &subject, &there),
                table.opening(&world.k2),
            ];
            vec![by_name("", body, touches).spoiling()]
        }
        DeleteSecretReplica => {
            let copied = world.copied();
            let there = [("csms:KmsKeyId", "default")];
            let touches =
                vec![table.secret_in("home", actions, &copied, &[]), table.secret_in("away", actions, &copied, &there)];
            let parameters = [("secret_name", copied.as_str()), ("region_name", "away")];
            vec![table.row(row, &parameters, "", Value::Null, touches).spoiling()]
        }
    }
}

/// The requests for an operation on keys. Each is one that fails after its rights were judged, where it would use up the keys.
pub(crate) fn of_keys(world: &World, operation: KmsOperation) -> Vec<Row> {
    use KmsOperation::*;
    let table = Table(world);
    let row = operation.specification();
    let actions = row.actions;
    let of = |key: &str, body: Value| vec![table.row(row, &[], "", body, vec![table.key(actions, key)])];
    let only = |key: &str| of(key, json!({ "key_id": key }));
    let all = |query: &str, body| vec![table.row(row, &[], query, body, vec![table.all("kms", "KeyId", actions)])];
    let k2 = world.k2.as_str();
    match operation {
        CreateKey => {
            let mut touch = table.all("kms", "KeyId", actions);
            touch.facts.insert(csms_hostile::normalised("g:EnterpriseProjectId"), vec!["0".to_owned()]);
            vec![table.row(row, &[], "", json!({ "key_alias": "k1" }), vec![touch])]
        }
        ListKeys => all("", json!({})),
        CreateRandom => all("", json!({ "random_data_length": "512" })),
        ListKeyDetail | EnableKey | CancelKeyDeletion => only(k2),
        DisableKey => only(&world.disabled),
        DeleteKey => of(&world.ending, json!({ "key_id": world.ending, "pending_days": "7" })),
        UpdateKeyAlias => of(k2, json!({ "key_id": k2, "key_alias": "k1" })),
        UpdateKeyDescription => of(k2, json!({ "key_id": k2, "key_description": "x" })),
        CreateAlias => of(k2, json!({ "key_id": k2, "alias": "k1" })),
        DeleteAlias => of(k2, json!({ "key_id": k2, "aliases": ["absent"] })),
        AssociateAlias => {
            let body = json!({ "target_key_id": world.k1, "alias": "alias/k2-other" });
            let touches = vec![table.key(actions, &world.k1), table.key(actions, k2)];
            let back = json!({ "target_key_id": k2, "alias": "alias/k2-other" });
            let path = format!("/v1.0/{}/kms/alias/associate", world.home);
            vec![table.row(row, &[], "", body, touches).repaired("POST", &path, &back)]
        }
        ListAliases => {
            let mut rows = all("", Value::Null);
            let query = format!("?key_id={k2}");
            rows.push(table.row(row, &[], &query, Value::Null, vec![table.key(actions, k2)]));
            rows
        }
        CreateDatakey | CreateDatakeyWithoutPlaintext => of(k2, json!({ "key_id": k2, "key_spec": "AES_256" })),
        EncryptDatakey => {
            let key = [7_u8; 32];
            let plain = hex::encode(key) + &hex::encode(Sha256::digest(key));
            of(k2, json!({ "key_id": k2, "plain_text": plain, "datakey_plain_length": "32" }))
        }
        DecryptDatakey => of(k2, json!({ "key_id": k2, "cipher_text": world.sealed.1, "datakey_cipher_length": "32" })),
        EncryptData => of(k2, json!({ "key_id": k2, "plain_text": "x" })),
        BatchCreateKmsTags => {
            let body = json!({ "action": "delete", "tags": [{ "key": "absent" }] });
            vec![table.row(row, &[("key_id", k2)], "", body, vec![table.key(actions, k2).tagging("absent", "")])]
        }
        CreateKmsTag => {
            let body = json!({ "tag": { "key": "made", "value": "here" } });
            let made =
                table.row(row, &[("key_id", k2)], "", body, vec![table.key(actions, k2).tagging("made", "here")]);
            vec![made.repaired("DELETE", &format!("/v1.0/{}/kms/{k2}/tags/made", world.home), &Value::Null)]
        }
        DeleteTag => {
            let parameters = [("key_id", k2), ("key", "absent")];
            vec![table.row(row, &parameters, "", Value::Null, vec![table.key(actions, k2).tagging("absent", "")])]
        }
        ShowKmsTags => {
            vec![table.row(row, &[("key_id", k2)], "", Value::Null, vec![table.key(actions, k2)])]
        }
        ListKmsTags | ShowUserQuotas | ShowUserInstances => all("", Value::Null),
        ListKmsByTags => all("", json!({ "action": "filter" })),
        ListRetirableGrants => all("", json!({})),
        ShowKeyRotationStatus | EnableKeyRotation | DisableKeyRotation | ListKeyGrants => only(k2),
        UpdateKeyRotationInterval => of(k2, json!({ "key_id": k2, "rotation_interval": 30 })),
        CreateGrant => {
            let body = json!({ "key_id": k2, "grantee_principal": "absent", "operations": ["encrypt-data"] });
            let touches = vec![table.key(actions, k2), table.key(EncryptData.specification().actions, k2)];
            vec![table.row(row, &[], "", body, touches)]
        }
        CancelGrant | CancelSelfGrant => of(k2, json!({ "key_id": k2, "grant_id": "0".repeat(64) })),
        DecryptData => {
            let mut rows = of(k2, json!({ "key_id": k2, "cipher_text": world.sealed.0 }));
            // The key is the one that sealed the text, also when the request does not name it.
            rows.extend(of(k2, json!({ "cipher_text": world.sealed.0 })));
            rows
        }
    }
}

/// The requests for an operation on users and policies. Each is one that fails after its rights were judged, where it would use
/// them up.
pub(crate) fn of_account(world: &World, operation: IamOperation) -> Vec<Row> {
    use IamOperation::*;
    let table = Table(world);
    let row = operation.specification();
    let actions = row.actions;
    let bob = [("user_id", world.bob.as_str())];
    let of_bob = |more: &[(&'static str, &str)], body: Value| {
        let parameters: Vec<_> = bob.iter().chain(more).copied().collect();
        vec![table.row(row, &parameters, "", body, vec![table.user(actions, "bob")])]
    };
    let of_policy = |more: &[(&'static str, &str)], body: Value| {
        let parameters: Vec<_> = [("policy_id", world.policy.as_str())].iter().chain(more).copied().collect();
        vec![table.row(row, &parameters, "", body, vec![table.policy(actions, "pol")])]
    };
    let document = r#"{"Version":"5.0","Statement":[{"Effect":"Allow","Action":["csms:secret:get"]}]}"#;
    let password = json!({ "password": "Correct-Horse-Battery-7", "password_reset_required": false });
    match operation {
        ListUsersV5 => vec![table.row(row, &[], "", Value::Null, vec![table.all("iam", "user", actions)])],
        ListPoliciesV5 => vec![table.row(row, &[], "", Value::Null, vec![table.all("iam", "policy", actions)])],
        CreateUserV5 => {
            vec![table.row(row, &[], "", json!({ "name": "bob", "enabled": true }), vec![table.user(actions, "bob")])]
        }
        UpdateUserV5 => {
            let touches = vec![table.user(actions, "bob"), table.user(actions, "admin")];
            vec![
                table.row(row, &bob, "", json!({ "new_description": "x" }), vec![table.user(actions, "bob")]),
                table.row(row, &bob, "", json!({ "new_user_name": "admin" }), touches),
            ]
        }
        DeleteUserV5 => {
            let touches = vec![table.user(actions, "admin")];
            vec![table.row(row, &[("user_id", &world.admin)], "", Value::Null, touches)]
        }
        ShowUserV5 | ListAccessKeysV5 | ShowLoginProfileV5 | DeleteLoginProfileV5 | ListAttachedUserPoliciesV5 => {
            of_bob(&[], Value::Null)
        }
        CreateAccessKeyV5 => of_bob(&[], Value::Null),
        UpdateAccessKeyV5 => of_bob(&[("access_key_id", "ABSENT")], json!({ "status": "inactive" })),
        ShowAccessKeyLastUsedV5 | DeleteAccessKeyV5 => of_bob(&[("access_key_id", "ABSENT")], Value::Null),
        CreateLoginProfileV5 | UpdateLoginProfileV5 => of_bob(&[], password),
        CreatePolicyV5 => {
            let body = json!({ "policy_name": "pol", "policy_document": document });
            vec![table.row(row, &[], "", body, vec![table.policy(actions, "pol")])]
        }
        GetPolicyV5 | ListPolicyVersionsV5 | ListEntitiesForPolicyV5 => of_policy(&[], Value::Null),
        DeletePolicyV5 => {
            let parameters = [("policy_id", world.system_policy.as_str())];
            vec![table.row(row, &parameters, "", Value::Null, vec![table.policy(actions, "Administrator")])]
        }
        CreatePolicyVersionV5 => of_policy(&[], json!({ "policy_document": document, "set_as_default": false })),
        GetPolicyVersionV5 | DeletePolicyVersionV5 | SetDefaultPolicyVersionV5 => {
            of_policy(&[("version_id", "v1")], Value::Null)
        }
        AttachUserPolicyV5 | DetachUserPolicyV5 => {
            let touches = vec![table.user(actions, "bob"), table.policy(actions, "pol").unless_denied()];
            let parameters = [("policy_id", world.policy.as_str())];
            vec![table.row(row, &parameters, "", json!({ "user_id": world.bob }), touches)]
        }
    }
}

/// The request for the operation on traces.
pub(crate) fn of_traces(world: &World, operation: CtsOperation) -> Vec<Row> {
    let (table, row) = (Table(world), operation.specification());
    vec![table.row(row, &[], "", Value::Null, vec![table.all("cts", "trace", row.actions)])]
}

/// The request that lists functions, or invokes one.
pub(crate) fn of_functions(world: &World, operation: FunctionOperation) -> Vec<Row> {
    let (table, row) = (Table(world), operation.specification());
    if operation == FunctionOperation::ListFunctions {
        return vec![table.row(row, &[], "", Value::Null, vec![table.all("functiongraph", "function", row.actions)])];
    }
    let urn = format!("urn:fss:home:{}:function:default:absent:latest", world.home);
    let resource = format!("functiongraph:home:{}:function:default/absent", world.domain);
    let touch = Touch::new(row.actions, resource, &[]);
    vec![table.row(row, &[("function_urn", &urn)], "", json!({}), vec![touch])]
}
