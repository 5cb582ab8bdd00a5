package restore

// What the tests look at that is nobody else's business.

const ReportFile = reportFile

type MessageRow = messageRow
