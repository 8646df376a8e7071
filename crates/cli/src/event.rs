//! `csms event`: what is reported to whom, and what was.

use clap::{Args, Subcommand};
use csms_api::response::event::{EventInfo, EventResponse};
use csms_client::{Client, CreateEventBody, NotificationTarget, UpdateEventBody};
use csms_core::EventName;

use crate::{
    confirm::confirm,
    connection::Connection,
    failure::{CliError, STATUSES},
    output::{Output, Table, parsed, time},
};

const EXAMPLES: &str = "\
Examples:
  csms event create rotations --type SECRET_ROTATED --type SECRET_ROTATED_FAILED --topic URN
  csms secret update db --event rotations
  csms event disable rotations
  csms event notifications";

/// The most items of a page.
const PAGE: u16 = 1000;

/// Arguments of `csms event`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{STATUSES}"), disable_help_subcommand = true)]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    output: Output,
}

/// What to do with events.
#[derive(Subcommand, Debug)]
enum Action {
    /// List the events
    List,
    /// Show an event
    #[command(alias = "get")]
    Show {
        /// Name of the event
        #[arg(value_parser = name)]
        name: EventName,
    },
    /// Create an event, to which secrets can subscribe
    Create {
        /// Name of the event
        #[arg(value_parser = name)]
        name: EventName,
        /// What it reports; may be repeated
        #[arg(long = "type", value_name = "TYPE", required = true, value_parser = kinds())]
        kinds: Vec<String>,
        /// URN of the topic to notify
        #[arg(long, value_name = "URN")]
        topic: String,
        /// Name of the topic [default: the end of its URN]
        #[arg(long, value_name = "NAME")]
        topic_name: Option<String>,
    },
    /// Change what an event reports, or to whom
    Update {
        /// Name of the event
        #[arg(value_parser = name)]
        name: EventName,
        /// What it reports, instead of before; may be repeated
        #[arg(long = "type", value_name = "TYPE", required_unless_present = "topic", value_parser = kinds())]
        kinds: Vec<String>,
        /// URN of the topic to notify
        #[arg(long, value_name = "URN")]
        topic: Option<String>,
        /// Name of the topic [default: the end of its URN]
        #[arg(long, value_name = "NAME", requires = "topic")]
        topic_name: Option<String>,
    },
    /// Let an event report nothing for a while
    Disable {
        /// Name of the event
        #[arg(value_parser = name)]
        name: EventName,
    },
    /// Let an event report again
    Enable {
        /// Name of the event
        #[arg(value_parser = name)]
        name: EventName,
    },
    /// Delete an event
    Delete {
        /// Name of the event
        #[arg(value_parser = name)]
        name: EventName,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    /// List what was reported, newest first
    Notifications {
        /// Maximum number of notifications
        #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
        limit: u16,
    },
}

fn name(text: &str) -> Result<EventName, String> {
    parsed(EventName::parse(text))
}

/// The words of what an event may report.
fn kinds() -> Vec<&'static str> {
    csms_core::event::EventType::ALL.iter().map(|kind| kind.as_str()).collect()
}

impl Arguments {
    /// Whether a program reads what is printed.
    pub(crate) fn is_json(&self) -> bool {
        self.output.is_json()
    }
}

impl Action {
    /// The event that the command is about.
    fn subject(&self) -> Option<String> {
        let name = match self {
            Self::List | Self::Notifications { .. } => return None,
            Self::Show { name }
            | Self::Create { name, .. }
            | Self::Update { name, .. }
            | Self::Disable { name }
            | Self::Enable { name }
            | Self::Delete { name, .. } => name,
        };
        Some(format!("event {name}"))
    }
}

/// Runs a command.
pub(crate) async fn run(arguments: Arguments) -> Result<(), CliError> {
    let Arguments { action, connection, output } = arguments;
    let client = connection.client().await?;
    let subject = action.subject();
    act(&client, output, action).await.map_err(|error| error.about_any(subject))
}

async fn act(client: &Client, output: Output, action: Action) -> Result<(), CliError> {
    let state = |state| UpdateEventBody { state: Some(state), ..UpdateEventBody::default() };
    match action {
        Action::List => list(client, output).await,
        Action::Show { name } => show(output, &client.show_event(&name).await?),
        Action::Create { name, kinds, topic, topic_name } => {
            let kinds: Vec<_> = kinds.iter().map(String::as_str).collect();
            let notification = target(&topic, topic_name.as_deref());
            let body = CreateEventBody { name: name.as_str(), event_types: &kinds, state: "ENABLED", notification };
            changed(output, &client.create_event(&body).await?)
        }
        Action::Update { name, kinds, topic, topic_name } => {
            let kinds: Vec<_> = kinds.iter().map(String::as_str).collect();
            let body = UpdateEventBody {
                event_types: (!kinds.is_empty()).then_some(kinds.as_slice()),
                state: None,
                notification: topic.as_deref().map(|topic| target(topic, topic_name.as_deref())),
            };
            changed(output, &client.update_event(&name, &body).await?)
        }
        Action::Disable { name } => changed(output, &client.update_event(&name, &state("DISABLED")).await?),
        Action::Enable { name } => changed(output, &client.update_event(&name, &state("ENABLED")).await?),
        Action::Delete { name, yes } => {
            confirm(&format!("Delete the event {name}?"), yes).map_err(CliError::impossible)?;
            client.delete_event(&name).await?;
            output.sentence(&format!("the event {name} is deleted"))
        }
        Action::Notifications { limit } => {
            let answer = client.list_notification_records(limit, None).await?;
            output.table(&answer, || {
                let mut table = Table::new(&["TIME", "EVENT", "TYPE", "SECRET", "TOPIC", "STATUS"]);
                for record in &answer.records {
                    table.row(vec![
                        time(record.create_time),
                        record.event_name.clone(),
                        record.trigger_event_type.clone(),
                        record.secret_name.clone(),
                        record.notification_target_name.clone(),
                        record.notification_status.clone(),
                    ]);
                }
                table
            })
        }
    }
}

/// A topic; the last part of a URN is its name.
fn target<'t>(urn: &'t str, name: Option<&'t str>) -> NotificationTarget<'t> {
    let last = urn.rsplit(':').next().unwrap_or(urn);
    NotificationTarget { target_type: "SMN", target_id: urn, target_name: name.unwrap_or(last) }
}

async fn list(client: &Client, output: Output) -> Result<(), CliError> {
    let mut answer = client.list_events(PAGE, None).await?;
    while let Some(marker) = answer.page_info.next_marker.take() {
        let page = client.list_events(PAGE, Some(&marker)).await?;
        answer.events.extend(page.events);
        answer.page_info.next_marker = page.page_info.next_marker;
    }
    answer.page_info.current_count = answer.events.len();
    output.table(&answer, || {
        let mut table = Table::new(&["NAME", "STATE", "TYPES", "TOPIC"]);
        for event in &answer.events {
            let EventInfo { name, state, event_types, notification, .. } = event;
            table.row(vec![name.clone(), state.clone(), event_types.join(", "), notification.target_name.clone()]);
        }
        table
    })
}

fn changed(output: Output, answer: &EventResponse) -> Result<(), CliError> {
    show(output, answer).map_err(|error| error.though_done("the event is stored"))
}

fn show(output: Output, answer: &EventResponse) -> Result<(), CliError> {
    output.facts(answer, |facts| {
        facts.add("event", &answer.event.name);
        facts.add("state", &answer.event.state);
        facts.add("types", answer.event.event_types.join(", "));
        facts.add("topic", &answer.event.notification.target_id);
        facts.add("created", time(answer.event.create_time));
        facts.add("updated", time(answer.event.update_time));
    })
}
