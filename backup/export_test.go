package backup

import "github.com/mailstrata/mailstrata/mail"

// DayOf is the budget of a day for an account of a server.
func (b Budget) DayOf(server mail.Server) int64 { return b.day(server) }
