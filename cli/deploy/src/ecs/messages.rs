//! What a service's events and its deployments' reasons say, where nothing but a sentence does: ECS
//! gives no code with them. They are matched loosely, by the words that carry the meaning, since
//! AWS rewords them.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html>

/// Whether there is no room for a task: no capacity, or not enough processor or memory.
pub fn tells_of_no_capacity(message: &str) -> bool {
    message.contains("unable to place a task")
}

/// Whether ECS could not even begin a task, so that there is none whose end would say why.
pub fn tells_of_no_launch(message: &str) -> bool {
    let message = message.to_lowercase();
    [
        "unable to assume",
        "failed to launch a task with (error",
        "failed to register targets in",
    ]
    .iter()
    .any(|words| message.contains(words))
}

/// Whether a deployment is being rolled back, was, or is what another one is rolled back to.
pub fn tells_of_rollback(text: &str) -> bool {
    let text = text.to_lowercase();
    ["rolling back", "rolled back", "rollback"]
        .iter()
        .any(|words| text.contains(words))
}
