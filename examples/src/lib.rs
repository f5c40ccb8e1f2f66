//! Examples, and the README compiled: what it shows is checked with every test run.
#![doc = include_str!("../../README.md")]
