package fetch

import (
	"github.com/mailstrata/mailstrata/mail"
)

const (
	// WindowMessages is how many messages are downloaded as one piece of work: enough that round trips do not matter,
	// few enough that several connections share a mailbox and that results waiting for their turn stay small.
	WindowMessages = 500

	// windowGap is how many unwanted UIDs between two wanted ones are worth a new window.
	windowGap = 2000
)

// windows divides UIDs into pieces of work, ascending.
func windows(uids mail.UIDSet) []mail.UIDSet {
	var list []mail.UIDSet
	var current mail.UIDSet
	var room int64
	var last mail.UID
	for r := range uids.Ranges() {
		for first := uint64(r.First); first <= uint64(r.Last); {
			if room == 0 || first > uint64(last)+windowGap {
				if current.Len() > 0 {
					list = append(list, current)
				}
				current, room = mail.UIDSet{}, WindowMessages
			}
			piece := mail.UIDRange{First: mail.UID(first), Last: mail.UID(min(uint64(r.Last), first+uint64(room)-1))}
			current.AddRange(piece)
			room -= piece.Len()
			last = piece.Last
			first = uint64(piece.Last) + 1
		}
	}
	if current.Len() > 0 {
		list = append(list, current)
	}
	return list
}

// span returns the range that encloses a set.
func span(uids mail.UIDSet) mail.UIDRange {
	var all mail.UIDRange
	for r := range uids.Ranges() {
		if all.First == 0 {
			all.First = r.First
		}
		all.Last = r.Last
	}
	return all
}

// halve divides a set of UIDs in the middle.
func halve(uids mail.UIDSet) (first, second mail.UIDSet) {
	half := uids.Len() / 2
	for r := range uids.Ranges() {
		n := min(half-first.Len(), r.Len())
		if n > 0 {
			first.AddRange(mail.UIDRange{First: r.First, Last: r.First + mail.UID(n-1)})
		}
		if n < r.Len() {
			second.AddRange(mail.UIDRange{First: r.First + mail.UID(n), Last: r.Last})
		}
	}
	return first, second
}
