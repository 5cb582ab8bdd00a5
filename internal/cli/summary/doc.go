// Package summary describes manifests, messages and failures, as JSON and in tables.
//
// Its types are parts of what several commands print with --json; docs/json.md has their fields.
package summary
