package search

// Unexported functions that the tests call.

var (
	AttachmentNames = attachmentNames
	TextStretches   = textRanges
)

const (
	TextChunks = maxTextChunks
	TextEdge   = textEdge
)
