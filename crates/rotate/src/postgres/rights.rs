//! The question what a role may do and how its sessions are set, for comparing it with another role. Pure; asks nothing itself.
//!
//! Everybody may read the catalogs that are named here. Names of relations and functions come with their schemas, because the
//! search path of the session has none but the server's own.

/// The first version with grants on parameters.
const PARAMETERS: u32 = 15;

/// The first version whose memberships say whether they are inherited.
const OPTIONS_OF_MEMBERS: u32 = 16;

/// A grant on one kind of object: what the grant is on, the catalog with its alias, its list of rights and its owner.
const GRANTS: &[[&str; 4]] = &[
    ["c.oid::pg_catalog.regclass", "pg_catalog.pg_class c", "c.relacl", "c.relowner"],
    ["'schema ' || n.nspname", "pg_catalog.pg_namespace n", "n.nspacl", "n.nspowner"],
    ["'database ' || d.datname", "pg_catalog.pg_database d", "d.datacl", "d.datdba"],
    ["p.oid::pg_catalog.regprocedure", "pg_catalog.pg_proc p", "p.proacl", "p.proowner"],
    ["'type ' || t.oid::pg_catalog.regtype", "pg_catalog.pg_type t", "t.typacl", "t.typowner"],
    ["'language ' || l.lanname", "pg_catalog.pg_language l", "l.lanacl", "l.lanowner"],
    ["'tablespace ' || s.spcname", "pg_catalog.pg_tablespace s", "s.spcacl", "s.spcowner"],
    ["'large object ' || o.oid", "pg_catalog.pg_largeobject_metadata o", "o.lomacl", "o.lomowner"],
    ["'foreign server ' || f.srvname", "pg_catalog.pg_foreign_server f", "f.srvacl", "f.srvowner"],
    ["'foreign-data wrapper ' || w.fdwname", "pg_catalog.pg_foreign_data_wrapper w", "w.fdwacl", "w.fdwowner"],
];

/// What is asked of every version besides. `me` is the role that has logged in.
const PARTS: &[&str] = &[
    "SELECT 'superuser' FROM me WHERE rolsuper",
    "SELECT 'CREATEROLE' FROM me WHERE rolcreaterole",
    "SELECT 'CREATEDB' FROM me WHERE rolcreatedb",
    "SELECT 'REPLICATION' FROM me WHERE rolreplication",
    "SELECT 'BYPASSRLS' FROM me WHERE rolbypassrls",
    "SELECT 'INHERIT' FROM me WHERE rolinherit",
    "SELECT 'a CONNECTION LIMIT of ' || rolconnlimit FROM me WHERE rolconnlimit <> -1",
    "SELECT 'the setting ' || u.setting || COALESCE(' in database ' || d.datname, '') FROM me \
        JOIN pg_catalog.pg_db_role_setting s ON s.setrole = me.oid \
        LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase, LATERAL pg_catalog.unnest(s.setconfig) u(setting)",
    "SELECT a.privilege_type || ' (' || t.attname || ') on ' || c.oid::pg_catalog.regclass \
        FROM me, pg_catalog.pg_attribute t JOIN pg_catalog.pg_class c ON c.oid = t.attrelid, \
        LATERAL pg_catalog.aclexplode(t.attacl) a WHERE a.grantee = me.oid AND c.relowner <> me.oid",
    "SELECT 'the policy ' || p.polname || ' on ' || p.polrelid::pg_catalog.regclass FROM me, pg_catalog.pg_policy p \
        WHERE me.oid = ANY (p.polroles)",
    "SELECT 'by default ' || a.privilege_type || ' on ' || CASE p.defaclobjtype WHEN 'r' THEN 'tables' \
        WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions' WHEN 'T' THEN 'types' ELSE 'schemas' END || ' of ' \
        || p.defaclrole::pg_catalog.regrole || COALESCE(' in schema ' || n.nspname, '') \
        FROM me, pg_catalog.pg_default_acl p LEFT JOIN pg_catalog.pg_namespace n ON n.oid = p.defaclnamespace, \
        LATERAL pg_catalog.aclexplode(p.defaclacl) a WHERE a.grantee = me.oid AND p.defaclrole <> me.oid",
    "SELECT 'a user mapping for ' || m.srvname FROM me, pg_catalog.pg_user_mappings m WHERE m.umuser = me.oid",
    "SELECT 'owner of ' || c.oid::pg_catalog.regclass FROM me, pg_catalog.pg_class c \
        WHERE c.relowner = me.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')",
    "SELECT 'owner of ' || p.oid::pg_catalog.regprocedure FROM me, pg_catalog.pg_proc p WHERE p.proowner = me.oid",
    "SELECT 'owner of schema ' || n.nspname FROM me, pg_catalog.pg_namespace n WHERE n.nspowner = me.oid",
    "SELECT 'owner of database ' || d.datname FROM me, pg_catalog.pg_database d WHERE d.datdba = me.oid",
];

/// The statement that lists attributes, memberships, grants, property and settings of the role that has logged in, for this
/// main version of the server.
pub(super) fn question(version: u32) -> String {
    let grants = GRANTS.iter().map(|[on, catalog, acl, owner]| {
        format!(
            "SELECT a.privilege_type || ' on ' || {on} FROM me, {catalog}, LATERAL pg_catalog.aclexplode({acl}) a \
             WHERE a.grantee = me.oid AND {owner} <> me.oid"
        )
    });
    let options = if version >= OPTIONS_OF_MEMBERS {
        " || CASE WHEN m.inherit_option THEN '' ELSE ' without INHERIT' END \
         || CASE WHEN m.set_option THEN '' ELSE ' without SET' END"
    } else {
        ""
    };
    let members = format!(
        "SELECT 'member of ' || g.rolname || CASE WHEN m.admin_option THEN ' with ADMIN OPTION' ELSE '' END{options} \
         FROM me, pg_catalog.pg_auth_members m, pg_catalog.pg_roles g WHERE m.member = me.oid AND g.oid = m.roleid"
    );
    let parameters = (version >= PARAMETERS).then(|| {
        "SELECT a.privilege_type || ' on parameter ' || p.parname FROM me, pg_catalog.pg_parameter_acl p, \
         LATERAL pg_catalog.aclexplode(p.paracl) a WHERE a.grantee = me.oid"
            .to_owned()
    });
    let parts = PARTS.iter().map(|part| (*part).to_owned()).chain(grants).chain([members]).chain(parameters);
    let me = "WITH me AS (SELECT * FROM pg_catalog.pg_roles WHERE rolname = session_user)";
    format!("{me} {}", parts.collect::<Vec<_>>().join(" UNION ALL "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn catalogs_and_columns_that_a_version_does_not_have_are_not_named() {
        assert!(!question(14).contains("pg_parameter_acl") && question(15).contains("pg_parameter_acl"));
        assert!(!question(15).contains("inherit_option") && question(16).contains("inherit_option"));
    }
}
