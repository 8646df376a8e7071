//! The part of FunctionGraph that is served too: invoking the functions that run beside the server, and listing them.
//!
//! Its operation table alone: events and replies belong to the functions.

use crate::operation::{ErrorShape, Method, Specification, operations};

operations! {
    /// An operation of FunctionGraph, named as in the official definitions. The right to wait for a reply is enough for a call
    /// that does not wait, and denying it denies both.
    FunctionOperation;
    InvokeFunction: Post "/v2/{project_id}/fgs/functions/{function_urn}/invocations" 200 Flat ["functiongraph:function:invoke"];
    AsyncInvokeFunction: Post "/v2/{project_id}/fgs/functions/{function_urn}/invocations-async" 202 Flat ["functiongraph:function:invokeAsync", "functiongraph:function:invoke"];
    ListFunctions: Get "/v2/{project_id}/fgs/functions" 200 Flat ["functiongraph:function:list"];
}
