//! What is deployed to.

/// The names of an environment on AWS that a deploy needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeployTarget {
    /// The environment's name.
    pub(crate) environment: String,
    /// The ECS cluster.
    pub(crate) cluster: String,
    /// The ECS service.
    pub(crate) service: String,
    /// The router's container in the task definition.
    pub(crate) container: String,
    /// The image repository, without a tag.
    pub(crate) repository: String,
    /// The router's log group.
    pub(crate) log_group: String,
    /// The load balancer's target group, if there is one.
    pub(crate) target_group_arn: Option<String>,
    /// Where the API answers, if that is known.
    pub(crate) api_endpoint: Option<String>,
    /// The table with lock and history.
    pub(crate) tenants_table: String,
    /// The revision that Terraform registered last, if its state says.
    pub(crate) template_arn: Option<String>,
    /// The bounds of autoscaling, where it is on.
    pub(crate) autoscaling: Option<(i32, i32)>,
}
