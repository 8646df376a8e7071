//! Attacks that were thought of one by one, each beside its baseline.

use csms_api::Operation;
use csms_server::auth::token::{Hold, TemporaryKey};
use libtest_mimic::Failed;
use serde_json::{Value, json};

use crate::{
    generated::{Outcome, outcome},
    report::Class,
    support::{Answer, Key},
    touches::Shown,
    world::{Asked, World, policy},
};

/// What an answer says of the rights of the caller.
fn rights(answer: &Answer) -> Outcome {
    outcome(answer, &Shown::ByCode)
}

/// A policy that allows all and denies what the statement says.
fn all_but(denied: &Value) -> Value {
    let mut denied = denied.clone();
    denied["Effect"] = "Deny".into();
    policy(&json!([{ "Effect": "Allow", "Action": ["*"] }, denied]))
}

fn production() -> Value {
    json!({ "StringEquals": { "g:ResourceTag/stage": ["production"] } })
}

async fn ask(world: &World, method: &'static str, path: &str, body: &str) -> Answer {
    world.ask(&Asked { method, path: path.to_owned(), body: body.to_owned() }).await
}

/// Bodies that repeat a member, which two readers would read differently.
pub(crate) async fn repeated_members() -> Result<(), Failed> {
    let world = World::start().await;
    let mut class = Class::new("A body is read once: repeated members");
    let (subject, other, home) = (world.subject(), world.other(), format!("/v1/{}", world.home));
    let on_name = json!({ "Action": ["*"], "Resource": ["CSMS:*:*:secretName:prod-*"] });
    let on_tag = json!({ "Action": ["*"], "Condition": production() });
    let read = format!("{home}/secrets/batch-get-secret-value");
    let (make, grants) = (format!("{home}/secrets"), format!("{home}/csms/grants"));
    let granting = format!(r#""type":"SECRET","grantee_type":"0","grantee_target_id":"{}""#, world.bob);
    for denied in [&on_name, &on_tag] {
        world.give(&[all_but(denied)]).await;
        let baseline = format!(r#"{{"secret_name_list":["{subject}"]}}"#);
        class.same("alone", rights(&ask(&world, "POST", &read, &baseline).await), Outcome::Refused);
        let permitted = format!(r#"{{"secret_name_list":["{other}"]}}"#);
        class.same("the other", rights(&ask(&world, "POST", &read, &permitted).await), Outcome::LetThrough);
        for body in [
            format!(r#"{{"secret_name_list":["{other}"],"secret_name_list":["{subject}"]}}"#),
            format!(r#"{{"secret_name_list":[],"secret_name_list":["{subject}"]}}"#),
            format!(r#"{{"secret_name_list":["{subject}"],"secret_name_list":["{other}"]}}"#),
            format!(r#"{{"secret_name_list":["{other}"],"secret\u005fname_list":["{subject}"]}}"#),
        ] {
            let answer = ask(&world, "POST", &read, &body).await;
            class.same(&body, (answer.status.as_u16(), answer.code().to_owned()), (400, "CSMS.0004".to_owned()));
            class.case(!answer.body.to_string().contains("hunter2"), || format!("{body} shows a value"));
        }
    }
    world.give(&[all_but(&on_name)]).await;
    for (path, body) in [
        (&make, r#"{"name":"zzz","name":"prod-repeated","secret_string":"x"}"#.to_owned()),
        (&make, r#"{"name":"zzz","secret_string":"x","a":{"b":1,"b":2}}"#.to_owned()),
        (&grants, format!(r#"{{"resource_id":"{other}","resource_id":"{subject}",{granting}}}"#)),
    ] {
        let answer = ask(&world, "POST", path, &body).await;
        class.same(&body, (answer.status.as_u16(), answer.code().to_owned()), (400, "CSMS.0004".to_owned()));
    }
    let there = world.server.call("GET", &format!("{make}/prod-repeated"), Value::Null).await;
    class.same("nothing is made", there.status.as_u16(), 404);
    let listed = world.done("GET", &format!("{grants}?resource_id={subject}"), Value::Null).await;
    class.case(!listed.to_string().contains(&world.bob), || format!("a grant was made: {listed}"));
    class.finish()
}

/// Queries that repeat a parameter, of which a signature does not say which comes first.
pub(crate) async fn repeated_parameters() -> Result<(), Failed> {
    let world = World::start().await;
    let mut class = Class::new("A query is read once: repeated parameters");
    let (subject, other, id, home) = (world.subject(), world.other(), &world.subject_id, format!("/v1/{}", world.home));
    let kms = format!("/v1.0/{}/kms", world.home);
    world.give(&[all_but(&json!({ "Action": ["*"], "Resource": ["CSMS:*:*:secretName:prod-*"] }))]).await;
    for (path, allowed, denied) in [
        (format!("{home}/csms/tasks"), format!("secret_name={other}"), format!("secret_name={subject}")),
        (format!("{home}/csms/tasks"), format!("secret_name={other}"), format!("secret%5fname={subject}")),
        (format!("{home}/csms/grants"), format!("resource_id={other}"), format!("resource_id={id}")),
        (format!("{kms}/aliases"), format!("key_id={}", world.k1), format!("key_id={}", world.k2)),
        (format!("{home}/secrets"), "limit=1".to_owned(), "limit=2".to_owned()),
        ("/v5/users".to_owned(), "limit=1".to_owned(), "limit=2".to_owned()),
    ] {
        let alone = ask(&world, "GET", &format!("{path}?{allowed}"), "").await;
        class.same(&format!("{path}?{allowed} {}", alone.body), alone.status.as_u16(), 200);
        for query in [format!("{allowed}&{denied}"), format!("{denied}&{allowed}"), format!("{allowed}&{allowed}")] {
            let answer = ask(&world, "GET", &format!("{path}?{query}"), "").await;
            let told = (answer.status.as_u16(), answer.body.to_string().contains("is repeated"));
            class.same(&format!("{path}?{query} {}", answer.body), told, (400, true));
        }
    }
    class.finish()
}

/// Rights with conditions where a shortcut would judge without the facts.
pub(crate) async fn facts_of_conditions() -> Result<(), Failed> {
    let mut world = World::start().await;
    let mut class = Class::new("Conditions see the stored object and what the operation takes");
    let (home, kms) = (format!("/v1/{}", world.home), format!("/v1.0/{}/kms", world.home));
    // A rotation must not use an administrator's secret that its creator may not read.
    let rotation = world.rotation("listed-rotation").to_string();
    world.give(&[all_but(&json!({ "Action": ["*"], "Condition": production() }))]).await;
    let answer = ask(&world, "POST", &format!("{home}/secrets"), &rotation).await;
    class.same("AdminSecret by tag", rights(&answer), Outcome::Refused);
    let alone = rotation.replace(&format!(r#",\"AdminSecret\":\"{}\""#, world.subject()), "");
    let alone = alone.replace(&format!(r#"\"AdminSecret\":\"{}\","#, world.subject()), "");
    let answer = ask(&world, "POST", &format!("{home}/secrets"), &alone).await;
    class.same("without AdminSecret", rights(&answer), Outcome::LetThrough);
    // A key that is left out is the default one, as which it is judged.
    let rotated = world.done("GET", &format!("{home}/secrets/{}", world.rotated()), Value::Null).await;
    let default = crate::world::text(&rotated["secret"]["kms_key_id"]);
    let under = |key: &str| json!({ "StringEquals": { "csms:KmsKeyId": [key] } });
    let only_default = policy(&json!([{ "Effect": "Allow", "Action": ["csms:*"], "Condition": under(&default) }]));
    let not_default = all_but(&json!({ "Action": ["csms:*"], "Condition": under(&default) }));
    let may_not_name =
        all_but(&json!({ "Action": ["csms:*"], "Condition": { "Null": { "csms:KmsKeyId": ["false"] } } }));
    let must_name = all_but(&json!({ "Action": ["csms:*"], "Condition": { "Null": { "csms:KmsKeyId": ["true"] } } }));
    let cases = [
        (&not_default, "", Outcome::Refused),
        (&not_default, r#","kms_key_id":"csms/default""#, Outcome::Refused),
        (&only_default, "", Outcome::LetThrough),
        (&only_default, r#","kms_key_id":"csms/default""#, Outcome::LetThrough),
        (&may_not_name, "", Outcome::LetThrough),
        (&may_not_name, r#","kms_key_id":"csms/default""#, Outcome::Refused),
        (&must_name, "", Outcome::Refused),
        (&must_name, r#","kms_key_id":"csms/default""#, Outcome::LetThrough),
    ];
    for (number, (policies, members, wanted)) in cases.into_iter().enumerate() {
        world.give(std::slice::from_ref(policies)).await;
        let body = format!(r#"{{"name":"defaulted-{number}","secret_string":"x"{members}}}"#);
        let made = ask(&world, "POST", &format!("{home}/secrets"), &body).await;
        class.same(&format!("{policies} {body}"), rights(&made), wanted);
    }
    // One enterprise project has one spelling.
    let project = "aabbccdd-0000-0000-0000-000000000001";
    let of_project = json!({ "StringEquals": { "g:EnterpriseProjectId": [project] } });
    world.give(&[all_but(&json!({ "Action": ["*"], "Condition": of_project }))]).await;
    for spelling in [project.to_owned(), project.to_uppercase()] {
        let body = json!({ "name": "of-a-project", "secret_string": "x", "enterprise_project_id": spelling });
        let made = ask(&world, "POST", &format!("{home}/secrets"), &body.to_string()).await;
        class.same(&spelling, rights(&made), Outcome::Refused);
        let moving = json!({ "project_id": world.home, "resource_id": world.subject_id, "resource_type": "csms" });
        let path = format!("/v1.0/enterprise-projects/{spelling}/resources-migrate");
        class.same(&path, rights(&ask(&world, "POST", &path, &moving.to_string()).await), Outcome::Refused);
    }
    // In a check of a key, identifier and tags are the key's own.
    let value = format!("{home}/secrets/{}/versions/latest", world.subject());
    let data_key = json!({ "key_id": world.k2, "key_spec": "AES_256" }).to_string();
    let by_key = json!({ "Action": ["kms:*"], "Condition": { "StringEquals": { "csms:KmsKeyId": [world.k2] } } });
    for (denied, wanted) in [
        (by_key, Outcome::Refused),
        (json!({ "Action": ["kms:*"], "Condition": production() }), Outcome::LetThrough),
        (json!({ "Action": ["kms:*"], "Resource": [format!("kms:*:*:KeyId:{}", world.k2)] }), Outcome::Refused),
    ] {
        world.give(&[all_but(&denied)]).await;
        class.same(&format!("value, {denied}"), rights(&ask(&world, "GET", &value, "").await), wanted);
        let made = ask(&world, "POST", &format!("{kms}/create-datakey"), &data_key).await;
        class.same(&format!("data key, {denied}"), rights(&made), wanted);
    }
    // Members that an operation does not read say nothing.
    let of_key = |key: &str| json!({ "StringEquals": { "csms:KmsKeyId": [key] } });
    let only_k1 = policy(&json!([
        { "Effect": "Allow", "Action": ["csms:secret:getVersion"], "Condition": of_key(&world.k1) },
        { "Effect": "Allow", "Action": ["kms:*"] },
    ]));
    let not_k2 = all_but(&json!({ "Action": ["csms:secret:*"], "Condition": of_key(&world.k2) }));
    let unread = json!({ "kms_key_id": world.k1 }).to_string();
    let secret = format!("{home}/secrets/{}", world.subject());
    for policies in [&only_k1, &not_k2] {
        world.give(std::slice::from_ref(policies)).await;
        for body in ["", &unread] {
            class.same("read", rights(&ask(&world, "GET", &value, body).await), Outcome::Refused);
        }
        let read = ask(&world, "GET", &value.replace(&world.subject(), &world.other()), "").await;
        class.same("read the other", rights(&read), Outcome::LetThrough);
    }
    let version = json!({ "secret_string": "x", "kms_key_id": world.k1 }).to_string();
    for (method, path, body) in
        [("POST", format!("{secret}/versions"), version.as_str()), ("DELETE", secret.clone(), unread.as_str())]
    {
        class.same(method, rights(&ask(&world, method, &path, body).await), Outcome::Refused);
    }
    let other = format!("{home}/secrets/{}", world.other());
    for named in [&world.k2, "k2"] {
        let body = json!({ "kms_key_id": named }).to_string();
        class.same(named, rights(&ask(&world, "PUT", &other, &body).await), Outcome::Refused);
    }
    // What is deleted with an instance is judged one by one.
    let instance = json!({ "instance_id": format!("i{}", world.round) }).to_string();
    let rotated = world.rotated();
    for (denied, is_deleted) in [(rotated.as_str(), false), ("absent", true)] {
        let resource = format!("CSMS:*:*:secretName:{denied}");
        world.give(&[all_but(&json!({ "Action": ["*"], "Resource": [resource] }))]).await;
        let answer = ask(&world, "POST", &format!("{home}/secrets/batch-delete"), &instance).await;
        let got = outcome(&answer, &Shown::ByAbsence(rotated.clone())) == Outcome::LetThrough;
        class.same("deleted with its instance", got, is_deleted);
    }
    world.renew().await;
    class.finish()
}

/// Policies whose Deny would mean nothing, as they are stored.
pub(crate) async fn spellings() -> Result<(), Failed> {
    let world = World::start().await;
    let mut class = Class::new("A Deny means what it says, or is not stored");
    let value = format!("/v1/{}/secrets/{}/versions/latest", world.home, world.subject());
    for denied in [
        json!({ "Action": ["csms:secret:GetVersion"] }),
        json!({ "Action": ["CSMS:Secret:getversion"] }),
        json!({ "Action": ["csms:secretVersion:get"] }),
        json!({ "Action": ["*"], "Resource": ["CSMS:*:*:secretname:prod-*"] }),
        json!({ "Action": ["*"], "Resource": ["csms:*:*:SECRETNAME:prod-*"] }),
        json!({ "Action": ["kms:*"], "Resource": [format!("KMS:*:*:KeyId:{}", world.k2.to_uppercase())] }),
        json!({ "Action": ["*"], "Condition": { "StringEquals": { "csms:KmsKeyId": world.k2.to_uppercase() } } }),
        json!({ "Action": ["*"], "Resource": ["csms:*:*:secretName:${g:RequestTag/none, 'prod'}-*"] }),
        json!({ "Action": ["*"], "Condition": { "StringEquals": { "g:UserName": "${g:UserName}" } } }),
        json!({ "Action": ["*"], "Condition": { "StringNotEquals": { "g:ResourceTag/owner": "${g:UserName}" } } }),
        json!({ "Action": ["*"], "Condition": { "StringEquals": { "G:DOMAINID": world.domain } } }),
        json!({ "Action": ["*"], "Resource": ["csms:*:${g:DomainId}:secretName:prod-*"] }),
    ] {
        world.give(&[all_but(&denied)]).await;
        class.same(&denied.to_string(), rights(&ask(&world, "GET", &value, "").await), Outcome::Refused);
    }
    for (number, (denied, is_stored)) in [
        (json!({ "Action": ["csms:secret:getVersions"] }), false),
        (json!({ "Action": ["csms:*:nonsense"] }), false),
        (json!({ "Action": ["*"], "Resource": ["csms:*:*:secret:prod-*"] }), false),
        (json!({ "Action": ["kms:*"], "Condition": { "StringEquals": { "csms:Type": ["COMMON"] } } }), false),
        (json!({ "Action": ["csms:*"], "Condition": { "StringEquals": { "csms:Type": ["common"] } } }), false),
        (json!({ "Action": ["csms:*"], "Condition": { "StringEquals": { "csms:KmsKeyId": "k2" } } }), false),
        (json!({ "Action": ["csms:*"], "Condition": { "StringEquals": {} } }), false),
        (json!({ "Action": ["*"], "Condition": { "StringEquals": { "g:DomainId": "another" } } }), false),
        (json!({ "Action": ["*"], "Condition": { "StringNotEquals": { "g:DomainId": world.domain } } }), false),
        (json!({ "Action": ["*"], "Condition": { "StringLike": { "g:CurrentTime": "2026-*" } } }), false),
        (json!({ "Action": ["kms:*"], "Resource": ["KMS:*:*:KeyId:k2"] }), false),
        (json!({ "Action": ["csms:secret:getVersion"], "Resource": ["KMS:*:*:KeyId:*"] }), false),
        (json!({ "Action": ["csms:*"], "Resource": ["urn:csms:*:*:secretName:prod-*"] }), false),
        (json!({ "Action": ["csms:*"], "Resource": ["csms:hoem:*:secretName:prod-*"] }), false),
        (json!({ "Action": ["csms:*"], "Resource": ["csms:away:*:secretName:${g:UserName}-*"] }), true),
        (json!({ "Action": ["*"], "Condition": { "Bool": { "g:SecureTransport": [false] } } }), true),
        (json!({ "Action": ["csms:secret:list"], "Resource": ["csms:*:*:secretName:prod-*"] }), false),
        (json!({ "Action": ["csms:secret:getVersion"] }), true),
        (json!({ "Action": ["obs:object:get"] }), true),
    ]
    .into_iter()
    .enumerate()
    {
        let body =
            json!({ "policy_name": format!("stored-{number}"), "policy_document": all_but(&denied).to_string() });
        let answer = world.server.call("POST", "/v5/policies", body).await;
        let told = (answer.status.is_success(), answer.code() == "PAP5.0011");
        class.same(&format!("{denied}: {}", answer.body), told, (is_stored, !is_stored));
    }
    class.finish()
}

/// A secret that a Deny names, asked for by other spellings of its path, by its identifier and among others.
pub(crate) async fn other_names() -> Result<(), Failed> {
    let world = World::start().await;
    let mut class = Class::new("A secret is the same by every name that a request has for it");
    let (subject, other, id, home) = (world.subject(), world.other(), world.subject_id.clone(), world.home.clone());
    let by_name = json!({ "Action": ["*"], "Resource": [format!("CSMS:*:*:secretName:{subject}")] });
    let by_tag = json!({ "Action": ["*"], "Condition": production() });
    let encoded: String = subject.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let twice = encoded.replace('%', "%25");
    let value = |name: &str| format!("/v1/{home}/secrets/{name}/versions/latest");
    for denied in [&by_name, &by_tag] {
        world.give(&[all_but(denied)]).await;
        class.same("the other", rights(&ask(&world, "GET", &value(&other), "").await), Outcome::LetThrough);
        // The same path to the server.
        for path in [
            value(&subject),
            value(&encoded),
            value(&encoded.to_uppercase()),
            value(&subject).replace("/v1/", "//v1/"),
            format!("/v1/{home}/secrets/{subject}/versions/"),
            value(&subject).replace("latest", "%6catest"),
            format!("{}?secret_name={other}", value(&subject)),
        ] {
            let answer = ask(&world, "GET", &path, "").await;
            class.same(&path, rights(&answer), Outcome::Refused);
        }
        // Paths to nothing, or to another secret.
        for path in [
            value(&twice),
            value(&subject.to_uppercase()),
            value(&format!("{other}/../{subject}")),
            value(&format!("{other}%2f..%2f{subject}")),
            value(&format!("{subject}%00")),
            value(&format!("{subject}/")),
            value(&format!("/{subject}")),
            value(&format!("{subject};a")),
            value(&format!("%20{subject}")),
            value(&id),
        ] {
            let answer = ask(&world, "GET", &path, "").await;
            class.case(answer.status.as_u16() >= 400, || format!("{path}: {} {}", answer.status, answer.body));
            class.case(!answer.body.to_string().contains("hunter2"), || format!("{path} shows a value"));
        }
        let kms = json!({ "kms_key_id": world.k1 }).to_string();
        let grant = json!({
            "resource_id": id, "type": "SECRET", "grantee_type": "0", "grantee_target_id": world.bob,
        })
        .to_string();
        let moved = json!({ "project_id": home, "resource_id": id, "resource_type": "csms" }).to_string();
        let tag = json!({ "tag": { "key": "stage", "value": "open" } }).to_string();
        let names = json!({ "secret_name_list": [other, subject] }).to_string();
        for (method, path, body) in [
            ("PUT", format!("/v1/{home}/secrets/{encoded}"), kms.as_str()),
            ("POST", format!("/v1/{home}/csms/grants"), grant.as_str()),
            ("GET", format!("/v1/{home}/csms/grants?resource_id={id}"), ""),
            ("POST", "/v1.0/enterprise-projects/0/resources-migrate".to_owned(), moved.as_str()),
            ("POST", format!("/v1/{home}/csms/{id}/tags"), tag.as_str()),
            ("GET", format!("/v1/{home}/csms/{id}/tags"), ""),
            ("DELETE", format!("/v1/{home}/csms/{id}/tags/stage"), ""),
            ("POST", format!("/v1/{home}/secrets/batch-get-secret-value"), names.as_str()),
        ] {
            let answer = ask(&world, method, &path, body).await;
            class.same(&format!("{method} {path} {}", answer.body), rights(&answer), Outcome::Refused);
            class.case(!answer.body.to_string().contains("hunter2"), || format!("{path} shows a value"));
        }
    }
    class.finish()
}

/// A function's credentials after its task.
fn ended(world: &World) -> Key {
    let project = world.server.app.identity.project_id.clone();
    let expires = world.server.clock.now().plus_millis(120_000);
    let hold = Hold { secret: csms_core::SecretName::parse(world.subject()).unwrap(), holder: "ended".to_owned() };
    let everything = csms_core::policy::Policy::administrator();
    let key = TemporaryKey::make("function".to_owned(), project, everything, expires).unwrap().for_task(hold);
    world.server.signing_with(&key)
}

/// Every entrance: credentials of a task that has ended, projects that are spelt otherwise, bodies that are no JSON.
pub(crate) async fn entrances() -> Result<(), Failed> {
    let world = World::start().await;
    let mut class = Class::new("Every entrance takes every step");
    let (home, kms) = (format!("/v1/{}", world.home), format!("/v1.0/{}/kms", world.home));
    let data_key = json!({ "key_id": world.k2, "key_spec": "AES_256" });
    let opened = json!({ "key_id": world.k2, "cipher_text": world.sealed.1, "datakey_cipher_length": "32" });
    let asked = [
        Asked::new("GET", &format!("{home}/secrets/{}/versions/latest", world.subject()), &Value::Null),
        Asked::new("POST", &format!("{kms}/create-datakey"), &data_key),
        Asked::new("POST", &format!("{kms}/decrypt-datakey"), &opened),
        Asked::new("GET", "/v3/projects", &Value::Null),
        Asked::new("GET", "/v5/caller-identity", &Value::Null),
        Asked::new("GET", "/v5/users", &Value::Null),
        Asked::new("GET", &format!("/v3/{}/traces", world.home), &Value::Null),
        Asked::new("GET", &format!("{home}/secrets/checker/config"), &Value::Null),
    ];
    let (admin, function) = (world.server.key(), ended(&world));
    for asked in &asked {
        class.same(&asked.path, world.ask_as(&admin, asked).await.status.as_u16(), 200);
        class.same(&asked.path, world.ask_as(&function, asked).await.status.as_u16(), 403);
    }
    let actions = json!({ "actions": ["csms:secret:getVersion", "kms:cmk:createDataKey"] });
    let check = Asked::new("POST", &format!("{home}/csms/permissions/check"), &actions);
    let told = world.ask_as(&function, &check).await.body;
    class.same(
        "the check of rights",
        (told["allowed"].clone(), told["denied"].clone()),
        (json!([]), actions["actions"].clone()),
    );
    // The first character of the project, percent-encoded.
    let encoded = format!("%{:02x}{}", world.home.as_bytes()[0], &world.home[1..]);
    for (method, path, body) in [
        ("GET", format!("{home}/secrets"), Value::Null),
        ("POST", format!("{kms}/list-keys"), json!({})),
        ("GET", format!("/v3/{}/traces", world.home), Value::Null),
        ("POST", format!("{home}/csms/permissions/check"), actions.clone()),
    ] {
        let plain = world.ask_as(&admin, &Asked::new(method, &path, &body)).await.status;
        let spelt = world.ask_as(&admin, &Asked::new(method, &path.replace(&world.home, &encoded), &body)).await.status;
        class.same(&format!("{path} with a percent-encoded project"), spelt, plain);
    }
    for path in [
        format!("{home}/secrets"),
        format!("{kms}/create-key"),
        "/v5/users".into(),
        format!("{home}/csms/permissions/check"),
    ] {
        let body = r#"{"a":"hunter2","b":}"#.to_owned();
        let answer = world.ask_as(&admin, &Asked { method: "POST", path: path.clone(), body }).await;
        let told = answer.body.to_string();
        class.same(&format!("{path}: {told}"), answer.status.as_u16(), 400);
        class.case(told.contains("line 1 column 20"), || format!("{path} does not say the place: {told}"));
        class.case(!told.contains("hunter2"), || format!("{path} quotes the body: {told}"));
    }
    class.finish()
}

/// Logins and signatures of those who guess.
pub(crate) async fn guesses() -> Result<(), Failed> {
    let world = World::start().await;
    let mut class = Class::new("Guesses are held off and lock nobody out");
    let (server, admin) = (&world.server, world.server.key());
    let list = Asked::new("GET", &format!("/v1/{}/secrets", world.home), &Value::Null);
    for _ in 0..10 {
        let wrong = Key { secret_key: "guess".to_owned(), ..admin.clone() };
        class.same("a wrong signature", world.ask_as(&wrong, &list).await.status.as_u16(), 401);
    }
    class.same("the right signature afterwards", world.ask_as(&admin, &list).await.status.as_u16(), 200);
    let unknown = Key { access_key: "A".repeat(20), ..admin.clone() };
    let wrong = Key { secret_key: "guess".to_owned(), ..admin.clone() };
    let texts = (world.ask_as(&unknown, &list).await.body, world.ask_as(&wrong, &list).await.body);
    class.case(texts.0 == texts.1, || format!("an unknown key is told from a known one: {texts:?}"));
    let password = json!({ "password": "Correct-Horse-Battery-7", "password_reset_required": false });
    let profile = format!("/v5/users/{}/login-profile", world.bob);
    world.done("POST", &profile, password.clone()).await;
    let login = async |password: &str| {
        let user = json!({ "name": "bob", "password": password, "domain": { "name": server.credentials.domain_id } });
        let body = json!({ "auth": { "identity": { "methods": ["password"], "password": { "user": user } } } });
        let request = axum::http::Request::post("/v3/auth/tokens").header("host", "localhost");
        let request = request.header("content-type", "application/json");
        server.send(request.body(body.to_string().into()).unwrap()).await
    };
    let token = login("Correct-Horse-Battery-7").await;
    class.same("the right password", token.status.as_u16(), 201);
    let token = token.headers["x-subject-token"].clone();
    let use_token = async || {
        let request = axum::http::Request::get(&list.path).header("x-auth-token", token.clone());
        server.send(request.body(axum::body::Body::empty()).unwrap()).await.status.as_u16()
    };
    class.same("a token", use_token().await, 403);
    for _ in 0..2 {
        let status = login("a wrong password").await.status.as_u16();
        class.case([401, 429].contains(&status), || format!("a wrong password: {status}"));
    }
    let mut held_off = false;
    for _ in 0..10 {
        held_off |= login("another wrong password").await.status.as_u16() == 429;
    }
    class.case(held_off, || "ten wrong passwords are checked without a wait".to_owned());
    let other = json!({ "password": "Another-Battery-Horse-8", "password_reset_required": false });
    world.done("PUT", &profile, other).await;
    class.same("a token after another password", use_token().await, 401);
    class.finish()
}

/// What every operation without an action leaves to a Deny, and refuses to functions.
pub(crate) async fn without_an_action() -> Result<(), Failed> {
    let world = World::start().await;
    let mut class = Class::new("What needs no action obeys a Deny");
    for operation in Operation::ALL.iter().filter(|operation| operation.needs_no_action()) {
        let rows = crate::touches::of_secrets(&world, *operation);
        for row in &rows {
            let nothing = policy(&json!([{ "Effect": "Allow", "Action": ["obs:*"] }]));
            let denied = policy(&json!([{ "Effect": "Deny", "Action": [operation.specification().actions[0]] }]));
            for (policies, wanted) in [(nothing, Outcome::LetThrough), (denied, Outcome::Refused)] {
                world.give(&[policies]).await;
                class.same(row.operation, rights(&world.ask(&row.asked).await), wanted);
            }
            class.same(row.operation, rights(&world.ask_as(&ended(&world), &row.asked).await), Outcome::Refused);
        }
    }
    class.finish()
}

/// Lists of things that can be asked for one by one, too.
pub(crate) async fn lists_of_what_is_denied() -> Result<(), Failed> {
    let world = World::start().await;
    let mut class = Class::new("A list leaves out what a Deny names");
    let (home, kms) = (format!("/v1/{}", world.home), format!("/v1.0/{}/kms", world.home));
    for name in ["prod-listed", "open-listed"] {
        let mut body = world.rotation(name);
        body["rotation_config"] = r#"{"InstanceId":"listed","SecretSubType":"SingleUser"}"#.into();
        world.done("POST", &format!("{home}/secrets"), body).await;
        world.done("POST", &format!("{home}/secrets/{name}/rotate"), Value::Null).await;
    }
    for (key, value) in [(&world.k1, "open-tag"), (&world.k2, "production")] {
        let tag = json!({ "tag": { "key": "stage", "value": value } });
        world.done("POST", &format!("{kms}/{key}/tags"), tag).await;
        let grant = json!({
            "key_id": key, "grantee_principal": world.bob, "retiring_principal": world.record.id,
            "operations": ["encrypt-data"],
        });
        world.done("POST", &format!("{kms}/create-grant"), grant).await;
    }
    world.done("POST", &format!("{kms}/aliases"), json!({ "key_id": world.k1, "alias": "alias/k1-other" })).await;
    let tasks = json!({ "Action": ["csms::listTasks"], "Resource": ["CSMS:*:*:secretName:prod-*"] });
    let of_k2 = |action: &str| {
        let resource = [format!("KMS:*:*:KeyId:{}", world.k2)];
        [json!({ "Action": [action], "Resource": resource }), json!({ "Action": ["kms:*"], "Condition": production() })]
    };
    let (k1, k2) = (world.k1.as_str(), world.k2.as_str());
    let by_id = json!({ "key_id": k2 }).to_string();
    let (tasks_path, aliases, grants) =
        (format!("{home}/csms/tasks"), format!("{kms}/aliases"), format!("{kms}/list-retirable-grants"));
    let mut cases = vec![(
        tasks,
        ("GET", format!("{tasks_path}?secret_name=prod-listed"), ""),
        ("GET", format!("{tasks_path}?steps=true"), ""),
        ("prod-listed", "open-listed"),
    )];
    for denied in of_k2("kms:alias:list") {
        let one = ("GET", format!("{aliases}?key_id={k2}"), "");
        cases.push((denied, one, ("GET", aliases.clone(), ""), ("alias/k2-other", "alias/k1-other")));
    }
    for denied in of_k2("kms:cmkTag:list") {
        let (one, list) = (("GET", format!("{kms}/{k2}/tags"), ""), ("GET", format!("{kms}/tags"), ""));
        cases.push((denied, one, list, ("production", "open-tag")));
    }
    for denied in of_k2("kms:cmk:listGrants") {
        let one = ("POST", format!("{kms}/list-grants"), by_id.as_str());
        cases.push((denied, one, ("POST", grants.clone(), "{}"), (k2, k1)));
    }
    for (denied, one, list, (hidden, shown)) in cases {
        let everything = policy(&json!([{ "Effect": "Allow", "Action": ["*"] }]));
        for (policies, is_denied) in [(everything, false), (all_but(&denied), true)] {
            world.give(std::slice::from_ref(&policies)).await;
            let wanted = if is_denied { Outcome::Refused } else { Outcome::LetThrough };
            class.same(&one.1, rights(&ask(&world, one.0, &one.1, one.2).await), wanted);
            let answer = ask(&world, list.0, &list.1, list.2).await;
            class.same(&list.1, answer.status.as_u16(), 200);
            let told = answer.body.to_string();
            let seen = (told.contains(hidden), told.contains(shown));
            class.same(&format!("{policies} {told}"), seen, (!is_denied, true));
        }
    }
    class.finish()
}

/// A task that is asked for by its identifier is one of its secret.
pub(crate) async fn tasks_of_others() -> Result<(), Failed> {
    let world = World::start().await;
    let mut class = Class::new("An identifier counts as what it names");
    let home = format!("/v1/{}", world.home);
    let mut body = world.rotation("prod-task");
    body["rotation_config"] = r#"{"InstanceId":"alone","SecretSubType":"SingleUser"}"#.into();
    world.done("POST", &format!("{home}/secrets"), body).await;
    let begun = world.done("POST", &format!("{home}/secrets/prod-task/rotate"), Value::Null).await;
    let listed = world.done("GET", &format!("{home}/csms/tasks?secret_name=prod-task"), Value::Null).await;
    let task = listed["tasks"][0]["task_id"].as_str().unwrap_or_else(|| panic!("{begun} {listed}")).to_owned();
    let tasks = |query: &str| format!("{home}/csms/tasks?{query}");
    let other = world.other();
    let allowed = |name: &str| {
        let resource = [format!("CSMS:*:*:secretName:{name}")];
        policy(&json!([{ "Effect": "Allow", "Action": ["csms::listTasks"], "Resource": resource }]))
    };
    let denied = all_but(&json!({ "Action": ["*"], "Resource": ["CSMS:*:*:secretName:prod-*"] }));
    for (policies, query, wanted) in [
        (allowed("other-*"), format!("secret_name={other}"), Outcome::LetThrough),
        (allowed("other-*"), format!("task_id={task}"), Outcome::Refused),
        (allowed("prod-*"), format!("task_id={task}"), Outcome::LetThrough),
        (denied.clone(), format!("task_id={task}"), Outcome::Refused),
        (denied.clone(), "task_id=".to_owned() + &"0".repeat(task.len()), Outcome::LetThrough),
    ] {
        world.give(std::slice::from_ref(&policies)).await;
        class.same(&format!("{policies} {query}"), rights(&ask(&world, "GET", &tasks(&query), "").await), wanted);
    }
    class.finish()
}
