//! The rotation function: what it is given, what it lacks, and what the service answers it.

use super::messages;

messages! {
    event_unusable(problems) "function.event-unusable"
        "the event cannot be used: {problems}"
        "事件无法使用：{problems}";
    cannot_start(reason) "function.cannot-start" "the function cannot start: {reason}" "函数无法启动：{reason}";
    list_unreadable(variables, violation) "function.list-unreadable"
        "an entry of {variables} {violation}"
        "{variables} 的某一项{violation}";
    through_unknown() "function.through-unknown"
        "ROTATE_THROUGH must be sql or rds"
        "ROTATE_THROUGH 必须是 sql 或 rds";
    no_endpoint(variable, service) "function.no-endpoint"
        "neither {variable} nor the event's region names {service}"
        "{variable} 和事件的区域都未指明 {service} 的地址";
    no_project() "function.no-project"
        "neither the event nor the function's environment names a project"
        "事件和函数的环境都未指明项目";
    no_instance() "function.no-instance" "the event names no InstanceId" "事件未包含 InstanceId";
    no_keys() "function.no-keys"
        "the function has no keys for the management API; give it an agency"
        "函数没有访问管理 API 的密钥；请为其配置委托";
    no_service() "function.no-service"
        "neither the user variable CSMS_ENDPOINT nor csms_endpoint of the event names the service"
        "用户变量 CSMS_ENDPOINT 和事件的 csms_endpoint 都未指明凭据服务";
    no_credentials() "function.no-credentials"
        "the function has no credentials; give it an agency with rights to the secret"
        "函数没有访问凭证；请为其配置有权访问该凭据的委托";
    authorities_unusable(variable, error) "function.authorities-unusable"
        "the user variable {variable}: {error}"
        "用户变量 {variable}：{error}";
    file_unreadable(variable, error) "function.file-unreadable" "{variable}: {error}" "{variable}：{error}";
    key_unusable(error) "function.key-unusable" "the sealing key cannot be used: {error}" "密封密钥无法使用：{error}";
    not_a_switch(variable) "function.not-a-switch"
        "{variable} must be true or false"
        "{variable} 必须是 true 或 false";
    sealed_without_project() "function.sealed-without-project"
        "the value is sealed, and neither the event nor the environment names the project"
        "凭据值已密封，但事件和环境都未指明项目";
    sealed_without_key(file, variable) "function.sealed-without-key"
        "the value is sealed, and the function has no key: set {file} or {variable}"
        "凭据值已密封，但函数没有密钥：请设置 {file} 或 {variable}";
    not_opened(name, error) "function.not-opened" "the value of {name}: {error}" "{name} 的凭据值：{error}";
    not_sealed(error) "function.not-sealed" "the next value: {error}" "新的凭据值：{error}";

    service_refused(code, text, status, request) "service.refused"
        "{code} {text} (HTTP {status}, request {request})"
        "{code} {text}（HTTP {status}，请求 {request}）";
    service_unreachable(endpoint, reason) "service.unreachable"
        "the service at {endpoint} did not answer: {reason}"
        "位于 {endpoint} 的凭据服务未响应：{reason}";
    service_answer(operation) "service.answer"
        "the answer to {operation} is not understood"
        "无法理解 {operation} 的响应";
    service_not_understood() "service.not-understood"
        "the service's answer is not understood"
        "无法理解凭据服务的响应";
}
