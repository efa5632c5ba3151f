//! The `androguard` module: what a report of static analysis says of an Android application.

use super::{Field, Function, Module, Type};

/// The schema of `androguard`.
pub const MODULE: Module =
    Module { name: "androguard", fields: FIELDS, constants: &[], functions: FUNCTIONS };

const FIELDS: &[Field] = &[
    number("min_sdk"),
    number("max_sdk"),
    number("target_sdk"),
    number("permissions_number"),
    number("number_of_activities"),
    number("number_of_filters"),
    number("number_of_permissions"),
    number("number_of_providers"),
    number("number_of_receivers"),
    number("number_of_services"),
];

const TEXT: &[Type] = &[Type::Str];
const REGEX: &[Type] = &[Type::Regex];

/// Functions of a text or a regular expression, by name, and by kind of what an application can do.
macro_rules! functions {
    ([$($name:literal)*], [$($kind:literal)*]) => {
        &[
            $(has($name, TEXT), has($name, REGEX),)*
            $(
                has(concat!("functionality.", $kind, ".class"), TEXT),
                has(concat!("functionality.", $kind, ".class"), REGEX),
                has(concat!("functionality.", $kind, ".code"), TEXT),
                has(concat!("functionality.", $kind, ".code"), REGEX),
                has(concat!("functionality.", $kind, ".method"), TEXT),
                has(concat!("functionality.", $kind, ".method"), REGEX),
            )*
            has("certificate.sha1", TEXT),
        ]
    };
}

/// Each answers 1 if the report has a text that equals the argument or matches it, otherwise 0.
#[rustfmt::skip]
const FUNCTIONS: &[Function] = functions!(
    [
        "package_name" "app_name" "main_activity" "displayed_version"
        "activity" "filter" "permission" "provider" "receiver" "service" "url"
        "certificate.issuer" "certificate.subject" "certificate.not_after" "certificate.not_before"
    ],
    [
        "account" "ads" "browser" "camera" "crypto" "dynamic_broadcast" "iccid" "imei" "imsi" "installed_app"
        "mcc" "mms" "phone_call" "phone_number" "run_binary" "sensor" "serial_no" "sms" "socket" "ssl"
    ]
);

const fn number(name: &'static str) -> Field {
    Field { name, ty: Type::Int }
}

const fn has(name: &'static str, args: &'static [Type]) -> Function {
    Function { name, args, result: Type::Int }
}
