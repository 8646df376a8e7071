//! The types that the functions of the rules return. Each is one interface of the package, which `tests/catalogue.rs` writes from
//! it to `npm/src/results.ts`.

use alloc::{string::String, vec::Vec};

use serde::Serialize;

/// Types with the text of their interfaces: after each member stands its type in TypeScript.
macro_rules! results {
    ($(
        $(#[doc = $about:literal])+
        $name:ident $(<$life:lifetime>)? {
            $($(#[doc = $text:literal])+ $(#[serde $serde:tt])? $member:ident: $kind:ty = $typescript:literal,)+
        }
    )+) => {
        $(
            $(#[doc = $about])+
            #[derive(Debug, Serialize)]
            pub struct $name $(<$life>)? {
                $($(#[doc = $text])+ $(#[serde $serde])? pub $member: $kind,)+
            }
        )+

        /// The names of all members; some twice.
        #[cfg(target_family = "wasm")]
        pub(crate) const MEMBERS: &[&str] = &[$($(stringify!($member),)+)+];

        /// The interfaces, in TypeScript.
        #[cfg(not(target_family = "wasm"))]
        pub const INTERFACES: &str = concat!($(
            "\n/**", $($about,)+ " */\nexport interface ", stringify!($name), " {\n",
            $("  /**", $($text,)+ " */\n  ", stringify!($member), $typescript, ";\n",)+
            "}\n",
        )+);
    };
}

results! {
    /// One broken rule.
    Problem<'a> {
        /// Path of the field, such as `version_stages[2]`; empty for the request as a whole.
        path: &'a str = ": string",
        /// The rule.
        rule: &'static str = ": Rule",
        /// A sentence in the language asked for. Never holds the value.
        message: String = ": string",
        /// The rule's limit, where it has one.
        #[serde(skip_serializing_if = "Option::is_none")]
        limit: Option<u64> = "?: number",
        /// What was measured: a length, a count, a number of seconds.
        #[serde(skip_serializing_if = "Option::is_none")]
        got: Option<u64> = "?: number",
    }
    /// Why the state of things does not allow a well-formed request.
    Refusal {
        /// The stable name of the refusal.
        reason: &'static str = ": RefusalReason",
        /// The code that the service would answer.
        code: &'static str = ": ErrorCode",
        /// A sentence in the language asked for.
        message: String = ": string",
    }
    /// A rotation period.
    RotationPeriod<'a> {
        /// As it was given, such as `24h`.
        text: &'a str = ": string",
        /// The shortest text that means the same, such as `1d`.
        canonical: String = ": string",
        /// Its length.
        milliseconds: u64 = ": number",
        /// In words, such as `1 day 12 hours`.
        humanised: String = ": string",
    }
    /// A parsed `rotation_config`.
    RotationConfig<'a> {
        /// Identifier of the database instance.
        instance_id: &'a str = ": string",
        /// One account or two.
        mode: &'static str = ": RotationMode",
        /// Its canonical text.
        text: String = ": string",
    }
    /// A parsed FunctionGraph URN.
    FunctionUrn<'a> {
        /// The region.
        region: &'a str = ": string",
        /// The project.
        project_id: &'a str = ": string",
        /// The package, `default` for most functions.
        package: &'a str = ": string",
        /// The name of the function.
        function: &'a str = ": string",
        /// Version or `!alias`; `latest` where the text names none.
        version: &'a str = ": string",
        /// Its text.
        text: String = ": string",
        /// Its text with the version spelled out.
        qualified: String = ": string",
    }
    /// A version in a picture.
    PicturedVersion<'a> {
        /// Its identifier, such as `v1`.
        id: String = ": string",
        /// Whether no stage marks it, so that the service may remove it.
        deprecated: bool = ": boolean",
        /// The stages that mark it.
        version_stages: Vec<&'a str> = ": string[]",
    }
    /// One stage that will mark another version.
    StageMove<'a> {
        /// The stage.
        stage: &'a str = ": string",
        /// The version it marks now; `null` when the stage is new.
        from: Option<String> = ": string | null",
        /// The version it will mark; `null` when the stage goes.
        to: Option<String> = ": string | null",
    }
    /// What a change will do.
    Preview<'a> {
        /// The versions as they are, oldest first.
        before: Vec<PicturedVersion<'a>> = ": PicturedVersion[]",
        /// The versions as they will be.
        after: Vec<PicturedVersion<'a>> = ": PicturedVersion[]",
        /// The version that will be added.
        added: Option<String> = ": string | null",
        /// The deprecated version that will be removed to make room.
        removed: Option<String> = ": string | null",
        /// Every stage that will move.
        moves: Vec<StageMove<'a>> = ": StageMove[]",
    }
    /// What speaks against a password.
    Weakness {
        /// The stable name of the weakness.
        reason: &'static str = ": WeaknessReason",
        /// A sentence in the language asked for.
        message: &'static str = ": string",
    }
    /// A judgement of a password.
    Assessment {
        /// How strong it is.
        strength: &'static str = ": \"weak\" | \"fair\" | \"strong\"",
        /// Estimated bits of a random password of this make.
        bits: u32 = ": number",
        /// What speaks against it.
        weaknesses: Vec<Weakness> = ": Weakness[]",
    }
}
