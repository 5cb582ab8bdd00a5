package restore

// These names are exported for the tests.

const ReportFile = reportFile

type MessageRow = messageRow
