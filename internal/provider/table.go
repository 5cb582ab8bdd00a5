package provider

import (
	"slices"
	"strings"
)

// known is an entry of the table.
type known struct {
	Provider
	domains    []string // of its addresses; "yahoo.*" is yahoo with any ending
	exchangers []string // endings of the names of the servers that take mail for other domains there
}

// table has the providers whose settings are published. Help names pages of the provider; each was
// current in 2026.
var table = []known{
	{
		Provider: Provider{
			Name: "Gmail", Host: "imap.gmail.com", Password: App, OAuth: OAuth{Kind: "google"},
			Help: "Google accepts an app password, not the password of your account. Switch on 2-step verification, " +
				"then make one at https://myaccount.google.com/apppasswords",
		},
		domains: []string{"gmail.com", "googlemail.com"}, exchangers: []string{".google.com", ".googlemail.com"},
	},
	{
		Provider: Provider{
			Name: "Microsoft (Outlook, Microsoft 365)", Host: "outlook.office365.com", Password: None,
			OAuth: OAuth{Kind: "microsoft"}, Help: "Microsoft accepts no passwords from mail programs, only tokens.",
		},
		domains:    []string{"outlook.*", "hotmail.*", "live.*", "msn.com"},
		exchangers: []string{".mail.protection.outlook.com", ".mx.microsoft", ".olc.protection.outlook.com"},
	},
	{
		Provider: Provider{
			Name: "iCloud", Host: "imap.mail.me.com", Password: App, User: LocalPart,
			Help: "Apple accepts an app-specific password, not the password of your account. Make one at " +
				"https://account.apple.com under Sign-In and Security.",
		},
		domains: []string{"icloud.com", "me.com", "mac.com"}, exchangers: []string{".mail.icloud.com"},
	},
	{
		Provider: Provider{
			Name: "Fastmail", Host: "imap.fastmail.com", Password: App,
			Help: "Fastmail accepts an app password, not the password of your account. Make one under Settings, " +
				"Privacy & Security, Manage app passwords.",
		},
		domains: []string{"fastmail.com", "fastmail.fm", "fastmail.net", "sent.com"}, exchangers: []string{".messagingengine.com"},
	},
	{
		Provider: Provider{
			Name: "GMX", Host: "imap.gmx.net",
			Help: "Switch on IMAP first: in the settings of GMX, under E-Mail, POP3/IMAP. With two-factor login you need " +
				"an app password from the same settings.",
		},
		domains: []string{"gmx.de", "gmx.net", "gmx.at", "gmx.ch", "gmx.eu", "gmx.org", "gmx.info"},
	},
	{
		Provider: Provider{
			Name: "GMX", Host: "imap.gmx.com",
			Help: "Switch on IMAP first: in the settings of GMX, under Email, POP3 & IMAP.",
		},
		domains: []string{"gmx.com", "gmx.us", "gmx.co.uk", "gmx.fr", "gmx.es", "mail.com"},
	},
	{
		Provider: Provider{
			Name: "WEB.DE", Host: "imap.web.de",
			Help: "Switch on IMAP first: in the settings of WEB.DE, under E-Mail, POP3/IMAP. With two-factor login you " +
				"need an app password from the same settings.",
		},
		domains: []string{"web.de"},
	},
	{
		Provider: Provider{
			Name: "Yahoo", Host: "imap.mail.yahoo.com", Password: App,
			Help: "Yahoo accepts an app password, not the password of your account. Make one at " +
				"https://login.yahoo.com/account/security",
		},
		domains: []string{"yahoo.*", "ymail.com", "rocketmail.com", "myyahoo.com"}, exchangers: []string{".yahoodns.net"},
	},
	{
		Provider: Provider{
			Name: "AOL", Host: "imap.aol.com", Password: App,
			Help: "AOL accepts an app password, not the password of your account. Make one at " +
				"https://login.aol.com/account/security",
		},
		domains: []string{"aol.*", "aim.com"},
	},
	{
		Provider: Provider{
			Name: "mailbox.org", Host: "imap.mailbox.org",
			Help: "With two-factor login you need an app password: in the settings, under Security.",
		},
		domains: []string{"mailbox.org"}, exchangers: []string{".mailbox.org"},
	},
	{
		Provider: Provider{
			Name: "Posteo", Host: "posteo.de",
			Help: "If you switched on the extra protection of mail accounts, you need an app password from the settings.",
		},
		domains: []string{"posteo.*"},
	},
	{
		Provider: Provider{
			Name: "Zoho", Host: "imap.zoho.com", Password: App,
			Help: "Switch on IMAP in the settings of Zoho Mail. With two-factor login you need an app password from " +
				"https://accounts.zoho.com/home#security/app_password",
		},
		domains: []string{"zoho.com", "zohomail.com"}, exchangers: []string{".zoho.com"},
	},
	{
		Provider: Provider{
			Name: "Yandex", Host: "imap.yandex.com", Password: App,
			Help: "Switch on IMAP in the settings, under Email clients, and make an app password at https://id.yandex.com/security",
		},
		domains: []string{"yandex.*", "ya.ru"}, exchangers: []string{".yandex.net", ".yandex.ru"},
	},
	{
		Provider: Provider{
			Name: "T-Online", Host: "secureimap.t-online.de",
			Help: "T-Online has a separate password for mail programs: in its settings, under Passwords.",
		},
		domains: []string{"t-online.de", "magenta.de"},
	},
	{Provider: Provider{Name: "freenet", Host: "mx.freenet.de"}, domains: []string{"freenet.de"}},
	{Provider: Provider{Name: "IONOS", Host: "imap.ionos.de"}, exchangers: []string{".kundenserver.de", ".ionos.de"}},
	{Provider: Provider{Name: "IONOS", Host: "imap.ionos.com"}, exchangers: []string{".ionos.com", ".1and1.com"}},
	{Provider: Provider{Name: "Strato", Host: "imap.strato.de"}, exchangers: []string{".rzone.de"}},
	{
		Provider: Provider{Name: "Infomaniak", Host: "mail.infomaniak.com"},
		domains:  []string{"ik.me", "etik.com", "ikmail.com"}, exchangers: []string{".infomaniak.ch"},
	},
	{
		Provider: Provider{
			Name: "Proton Mail",
			Help: "Proton Mail has no IMAP of its own. Install Proton Mail Bridge on this computer (it needs a paid plan). " +
				"Then enter the server, the port, the user name and the password that Bridge shows, such as 127.0.0.1:1143.",
		},
		domains: []string{"proton.me", "protonmail.com", "protonmail.ch", "pm.me"}, exchangers: []string{".protonmail.ch"},
	},
	{
		Provider: Provider{
			Name: "Tuta",
			Help: "Tuta has no IMAP, so mailstrata cannot read its accounts. Export the mail in Tuta's own program, and " +
				"archive the files: mailstrata backup --from eml:DIRECTORY --name ADDRESS",
		},
		domains: []string{"tuta.com", "tuta.io", "tutamail.com", "tutanota.com", "tutanota.de", "keemail.me"}, exchangers: []string{".tutanota.de"},
	},
}

// byDomain returns the provider of a domain, or nil.
func byDomain(domain string) *Provider {
	for i := range table {
		if slices.ContainsFunc(table[i].domains, func(d string) bool { return fits(domain, d) }) {
			found := table[i].Provider
			return &found
		}
	}
	return nil
}

// fits reports whether a domain is the one of the table. The ending "*" is a country or "com", also
// "co.uk".
func fits(domain, of string) bool {
	name, any := strings.CutSuffix(of, "*")
	if !any {
		return domain == of
	}
	ending, ok := strings.CutPrefix(domain, name)
	if !ok {
		return false
	}
	second, top, two := strings.Cut(ending, ".")
	if two {
		return (second == "co" || second == "com") && len(top) == 2
	}
	return len(ending) == 2 || ending == "com" || ending == "net" || ending == "org"
}

// byExchanger returns the provider of a server that takes mail, or nil. The user of a domain of
// one's own is the whole address.
func byExchanger(host string) *Provider {
	for i := range table {
		if slices.ContainsFunc(table[i].exchangers, func(ending string) bool { return strings.HasSuffix(host, ending) }) {
			found := table[i].Provider
			found.User = WholeAddress
			return &found
		}
	}
	return nil
}
