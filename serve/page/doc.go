// Package page serves the nights of an archive as HTML pages, to read only. No page needs a script,
// and none has one.
//
//	request ──► gate.Gate           who may ask                                             package gate
//	        ──► Server.ServeHTTP    a route: reads its parameters, and shows a template     server.go, route.go, show.go
//	              │ accounts.go     the accounts, and how they are doing; the nights of one
//	              │ timeline.go     these nights, drawn                                     package chart
//	              │ night.go        the mailboxes of a night
//	              │ items.go        its calendars, address books and scripts, and downloads of these
//	              │ mailbox.go      the messages of a mailbox                               package sorting
//	              │ message.go      a message: text, header, source, attachments            package message
//	              │ stay.go         the nights that have a message
//	              │ frame.go        its HTML, in a sandbox
//	              │ search.go       a search, and what it found (found.go)
//	              │ changes.go      what changed, and what is gone, between two nights
//	              │ choose.go       the lists of nights to choose from
//	              │ export.go       downloads: mbox and ZIP                                 package export
//	              │ storage.go      the space that repositories take
//	              └ link.go         where a link of a message leads
//
// A page names what it shows by the parameters of its address: an account, the id of a night, the
// name that the server gave a mailbox, a UID. Names can have every character, also those that a
// path cannot have.
//
// What is damaged is a sentence in its place, and never ends a page.
package page
