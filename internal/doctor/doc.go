// Package doctor checks what could fail in the next backup, and says what to do about it.
//
// [Account] logs in to a mail server and looks at its mailboxes and extensions (account.go).
// [Repository] opens a repository, and checks its clock, keys, locks and manifests, and what its
// credentials allow (repository.go). [Host] checks the directories of this host (host.go), and
// [Timer] what runs mailstrata there (timer.go). Each returns findings with their JSON names.
package doctor
