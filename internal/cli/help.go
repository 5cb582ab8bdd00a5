package cli

// ExitStatus ends the help of a command.
const ExitStatus = `EXIT STATUS

0 done; 1 failed; 2 invalid command line; 130 interrupted.`

// ManifestHelp explains an argument that several commands have.
const ManifestHelp = `MANIFEST is the beginning of an id (see "mailstrata list"), "latest", "latest~2" (two before it), or a date: friday, yesterday, 2w, 2026-03-14, 2026-03-14T06:30, "3 days ago". A date means the newest manifest of it or before. If the repository holds several accounts: ACCOUNT@MANIFEST.`
