//! The one place that decides what is told to whom: reconcile, plan, diff.
