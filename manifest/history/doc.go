// Package history chooses among the manifests of an account, which are one a run.
//
//	ParseRef, Ref.Pick       the one that a person names: latest, 2026-03-08, friday     ref.go
//	Policy.Decide            those that a retention policy keeps, and why                retention.go
//	ParseSpan, Span.Before   a period of the calendar, such as 1y6m                      span.go
//	Dating                   whether the time of a manifest can be true                  dating.go
//
// It decides by a few values of each manifest (Candidate, Run) and reads none, so tests exhaust
// small histories.
package history
