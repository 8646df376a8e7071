//! How passwords are set: by SQL, or through the management API of the cloud. Whoever deploys the function decides.

use std::io::{self, Write as _};

use csms_core::{
    ProjectId, RotationConfig,
    rotation::{
        FailureCode, Message, RotationEvent,
        message::{function as say, rules},
    },
    secret::SecretType,
    target::{ALLOW_VARIABLE, DENY_VARIABLE, TargetRules},
};
use csms_rotate::{Failure, Limits, ManagedDatabases, Product, Signer, SqlDatabases};
use functiongraph_runtime::guest::Context;

/// User variable that says how: `sql`, which is the default, or `rds`.
pub const THROUGH: &str = "ROTATE_THROUGH";

/// User variable with the address of RDS; otherwise that of the event's region, which the lists of targets must allow.
pub const RDS_ENDPOINT: &str = "RDS_ENDPOINT";

/// User variable with the address of TaurusDB; otherwise that of the event's region, which the lists of targets must allow.
pub const GAUSSDB_ENDPOINT: &str = "GAUSSDB_ENDPOINT";

/// Writes why a database was not reachable into the function's log.
fn log(line: &str) {
    // A log that cannot be written must not end a rotation.
    let _ = writeln!(io::stderr(), "{line}");
}

/// The way that was chosen.
#[derive(Debug)]
pub enum Chosen {
    /// By SQL.
    Sql(SqlDatabases),
    /// Through the management API.
    Managed(Box<ManagedDatabases>),
}

/// The way for an event.
///
/// # Errors
/// [`FailureCode::InvalidEvent`] for another word, and when event and environment do not name project, region, instance and
/// keys for the management API.
pub fn choose(event: &RotationEvent, context: &Context) -> Result<Chosen, Failure> {
    let list = |variable| context.user_data(variable).unwrap_or_default();
    let rules = TargetRules::parse(list(ALLOW_VARIABLE), list(DENY_VARIABLE)).map_err(|violation| {
        let variables = format!("{ALLOW_VARIABLE} or {DENY_VARIABLE}");
        invalid(say::list_unreadable(variables, rules::violated(&violation)))
    })?;
    let sql = SqlDatabases::new(Limits::default()).within(rules.clone()).with_log(log);
    match context.user_data(THROUGH) {
        None | Some("sql") => Ok(Chosen::Sql(sql)),
        Some("rds") => managed(event, context, sql, rules).map(|databases| Chosen::Managed(Box::new(databases))),
        Some(_) => Err(invalid(say::through_unknown())),
    }
}

fn managed(
    event: &RotationEvent,
    context: &Context,
    sql: SqlDatabases,
    rules: TargetRules,
) -> Result<ManagedDatabases, Failure> {
    let (product, variable, service) = match event.secret_type {
        Some(SecretType::GaussDbFg) => (Product::TaurusDb, GAUSSDB_ENDPOINT, "gaussdb"),
        _ => (Product::Rds, RDS_ENDPOINT, "rds"),
    };
    let regional = || Some(format!("https://{service}.{}.myhuaweicloud.com", event.region.as_ref()?));
    // Whoever deploys the function may name any address; the region is that of whoever sends the event.
    let named = context.user_data(variable).map(|named| (named.to_owned(), TargetRules::default()));
    let endpoint = named.or_else(|| Some((regional()?, rules)));
    let (endpoint, rules) = endpoint.ok_or_else(|| invalid(say::no_endpoint(variable, service)))?;
    let project = event.project_id.clone().or_else(|| ProjectId::parse(context.project_id()).ok());
    let project = project.ok_or_else(|| invalid(say::no_project()))?;
    let instance = event.rotation_config.as_ref().map(RotationConfig::instance_id);
    let instance = instance.ok_or_else(|| invalid(say::no_instance()))?;
    let given = context.credentials();
    let keys = given.and_then(|given| Some((given.key_pair()?, given.security_token())));
    let ((access_key, secret_key), token) = keys.ok_or_else(|| invalid(say::no_keys()))?;
    let signer = Signer {
        access_key: access_key.to_owned(),
        secret_key: secret_key.to_owned().into(),
        security_token: token.map(|token| token.to_owned().into()),
    };
    ManagedDatabases::new(product, &endpoint, project, instance, signer, sql, rules).map_err(invalid)
}

const fn invalid(message: Message) -> Failure {
    Failure { code: FailureCode::InvalidEvent, message }
}

#[cfg(test)]
mod tests {
    use functiongraph_runtime::{Credentials, guest::Environment};

    use super::*;

    fn context(variables: &[(&str, &str)], keys: bool) -> Context {
        let user_data = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let environment = Environment { user_data, ..Environment::default() };
        let keys = keys.then(|| Credentials::from_keys("AK", "SK"));
        Context::builder("a test").environment(environment).credentials(keys).build()
    }

    fn event(secret_type: &str) -> RotationEvent {
        let text = format!(
            r#"{{"secret_name":"db","secret_type":"{secret_type}","region":"cn-north-4",
                "project_id":"0123456789abcdef0123456789abcdef",
                "rotation_config":{{"InstanceId":"i","SecretSubType":"SingleUser"}}}}"#
        );
        RotationEvent::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn sql_is_the_way_unless_another_is_named() {
        assert!(matches!(choose(&event("RDS-FG"), &context(&[], false)), Ok(Chosen::Sql(_))));
        assert!(choose(&event("RDS-FG"), &context(&[(THROUGH, "ldap")], true)).is_err());
    }

    #[test]
    fn lists_of_targets_that_cannot_be_read_are_refused() {
        let context = |list| context(&[(DENY_VARIABLE, list)], false);
        assert!(choose(&event("RDS-FG"), &context("10.0.0.0/8,*.example.com")).is_ok());
        assert!(
            choose(&event("RDS-FG"), &context("10.0.0.0/33")).unwrap_err().message.english().contains(DENY_VARIABLE)
        );
    }

    #[test]
    fn the_type_of_the_secret_chooses_the_product() {
        for (word, product, host) in [("RDS-FG", "Rds", "rds."), ("GaussDB-FG", "TaurusDb", "gaussdb.")] {
            let chosen = choose(&event(word), &context(&[(THROUGH, "rds")], true)).unwrap();
            let text = format!("{chosen:?}");
            assert!(text.contains(product) && text.contains(&format!("{host}cn-north-4.myhuaweicloud.com")), "{text}");
        }
    }

    #[test]
    fn the_address_of_a_region_obeys_the_lists_and_one_that_is_named_does_not() {
        let entry = r#"Below("myhuaweicloud.com")"#;
        let listed = (DENY_VARIABLE, "*.myhuaweicloud.com");
        let chosen = |more: &[(&str, &str)]| {
            let variables = [&[(THROUGH, "rds"), listed][..], more].concat();
            format!("{:?}", choose(&event("RDS-FG"), &context(&variables, true)).unwrap())
        };
        // Logins obey them in any case.
        let regional = chosen(&[]).matches(entry).count();
        let named = chosen(&[(RDS_ENDPOINT, "https://rds.example")]).matches(entry).count();
        assert_eq!(regional, named + 1);
    }

    #[test]
    fn what_is_missing_is_named() {
        let failure = choose(&event("RDS-FG"), &context(&[(THROUGH, "rds")], false)).unwrap_err();
        assert_eq!(failure.message, say::no_keys());
    }
}
