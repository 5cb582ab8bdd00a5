// Package doctor checks what could fail in the next backup, and says what to do about it.
//
// [Accounts] logs in to mail servers and looks at their mailboxes and extensions (account.go), at
// scripts, calendars and address books (items.go), and at those that the configuration does not
// have (offers.go). [Repository] opens a repository, and checks its clock, keys, locks and
// manifests, and what its credentials allow (repository.go). [Host] checks the directories of this
// host (host.go), and [Timer] what runs mailstrata there (timer.go). space.go looks for room on
// disks. Each returns findings with their JSON names (doctor.go).
package doctor
