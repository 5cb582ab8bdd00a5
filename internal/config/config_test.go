package config

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/archive/loss"
	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/manifest/history"
)

func parse(t *testing.T, text string) (*Config, []string) {
	t.Helper()
	c, err := Parse("dir/c.toml", "/home/anna", []byte(text), nil)
	var problems []string
	if err != nil {
		for _, problem := range err.(Problems) {
			problems = append(problems, problem.Error())
		}
	}
	return c, problems
}

func TestEachKeySaysWhatItSays(t *testing.T) {
	c, problems := parse(t, `
parallel_accounts = 8
cache_size = "500 MB"
ended_accounts = ["old"]
[[repositories]]
name = "main"
place = "s3:https://s3.example/mail"
key_file = "~/nightly.key"
secret_credential = "passphrase"
trust = "00ff"
[[repositories]]
name = "usb"
place = "usb"
insecure_plaintext = true
index = true
[[accounts]]
url = "imaps://anna@mail.example"
secret_file = "anna.secret"
mailboxes = ["INBOX", "Work/*"]
exclude = ["Work/Old"]
gmail = "labels"
shrink_limits = ["10%,20", "Junk=off"]
verify_source = "1%"
connections = 2
compress = true
ca_file = "/etc/ca.pem"
budget_day = "2 GB"
budget_second = "1MiB"
time_limit = "12h"
insecure_old_tls = true
[[accounts]]
name = "work"
url = "imap://jo@b.example:1143"
repository = "usb"
oauth2_token_command = "token jo"
insecure_plaintext = true
budget_day = "unlimited"
[[accounts]]
url = "imaps://lea@c.example"
oauth2_provider = "uni"
[[accounts]]
url = "imaps://max@c.example"
secret_keyring = "max"
[[oauth2_providers]]
name = "uni"
client_id = "archive"
client_secret_env = "UNI"
scopes = ["mail"]
token_url = "https://id.example/token"
device_url = "https://id.example/device"
keyring = true
[[oauth2_providers]]
name = "contoso"
kind = "microsoft"
tenant = "contoso.example"
client_id = "c"
[watch.backup]
ping_credential = "ping"
metrics = "m.prom"
[watch.prune]
on_failure = "mail root"
[retention]
keep_daily = 30
keep_yearly = "unlimited"
keep_within = "1y6m"
keep_tags = ["move"]
`)
	want := &Config{
		File: "dir/c.toml", Parallel: 8, CacheSize: 500_000_000, Ended: []string{"old"},
		Repositories: []Repository{
			{Name: "main", Place: "s3:https://s3.example/mail", KeyFile: "/home/anna/nightly.key", Secret: Secret{Credential: "passphrase"}, Trust: "00ff"},
			{Name: "usb", Place: "dir/usb", AllowPlaintext: true, Index: true},
		},
		Accounts: []Account{
			{
				Name: "anna@mail.example", URL: "imaps://anna@mail.example", Secret: Secret{File: "dir/anna.secret"},
				Mailboxes: []string{"INBOX", "Work/*"}, Exclude: []string{"Work/Old"}, Gmail: "labels",
				ShrinkLimits: []loss.Rule{{Limit: loss.Limit{Share: 0.1, Least: 20}}, {Pattern: "Junk", Limit: loss.Limit{Off: true}}},
				VerifySource: 0.01, Connections: 2, Compress: true, CAFile: "/etc/ca.pem",
				Budget: backup.Budget{Day: 2_000_000_000, Second: 1 << 20}, TimeLimit: 12 * time.Hour, OldTLS: true,
			},
			{
				Table: 1, Name: "work", URL: "imap://jo@b.example:1143", Repository: "usb", Token: "token jo", AllowPlaintext: true,
				Budget: backup.Budget{Day: -1},
			},
			{Table: 2, Name: "lea@c.example", URL: "imaps://lea@c.example", Provider: "uni"},
			{Table: 3, Name: "max@c.example", URL: "imaps://max@c.example", Secret: Secret{Keyring: "max"}},
		},
		Providers: []Provider{
			{Name: "uni", Kind: "other", ClientID: "archive", Secret: Secret{Variable: "UNI"}, Scopes: []string{"mail"},
				TokenURL: "https://id.example/token", DeviceURL: "https://id.example/device", Keyring: true},
			{Name: "contoso", Kind: "microsoft", ClientID: "c", Tenant: "contoso.example"},
		},
		Watch: map[string]Watch{
			"backup": {Ping: Secret{Credential: "ping"}, Metrics: "dir/m.prom"},
			"prune":  {OnFailure: "mail root"},
		},
		Retention: history.Policy{Daily: 30, Yearly: history.Unlimited, Within: history.Span{Years: 1, Months: 6}, Tags: []string{"move"}},
	}
	if len(problems) > 0 || !reflect.DeepEqual(c, want) {
		t.Errorf("%v\n%+v\nwant\n%+v", problems, c, want)
	}
}

// TestRepositoryOfEachUser: a template makes a repository for each user, in a place that no other
// user's name can reach.
func TestRepositoryOfEachUser(t *testing.T) {
	dir := t.TempDir()
	text := `[[repositories]]
name = "office"
place = "s3:https://s3.example/mail/{user}"
key_file = "keys/{user}.key"
[[repositories]]
name = "all"
place = "/srv/all"
[[accounts]]
users_command = "doveadm user '*'"
url = "imaps://{user}*master@mail.example"
`
	list := "anna@mail.example\nANNA@mail.example\n../jo\n..\na=2fb\na/b\n"
	c, err := Parse(filepath.Join(dir, "c.toml"), "", []byte(text), func(command string) ([]byte, error) {
		if command != "doveadm user '*'" {
			t.Errorf("the command is %q", command)
		}
		return []byte(list), nil
	})
	if err != nil || !c.PerUser {
		t.Fatal(c, err)
	}
	seen := map[string]bool{}
	var places []string
	for _, a := range c.Accounts {
		r := c.Repository(a.Repository)
		part, ok := strings.CutPrefix(r.Place, "s3:https://s3.example/mail/")
		if !ok || strings.ContainsAny(part, `/\%`) || strings.HasPrefix(part, ".") || seen[strings.ToLower(r.Place)] || r.Template != "office" || r.Name != "office/"+a.Name {
			t.Errorf("%s is archived into %+v", a.Name, r)
		}
		if r.KeyFile != filepath.Join(dir, "keys", part+".key") {
			t.Errorf("the key of %s is %s", a.Name, r.KeyFile)
		}
		seen[strings.ToLower(r.Place)] = true
		places = append(places, part)
	}
	want := []string{"anna@mail.example", "=41=4e=4e=41@mail.example", "=2e.=2fjo", "=2e=2e", "a=3d2fb", "a=2fb"}
	if !slices.Equal(places, want) || len(c.Repositories) != len(want)+1 {
		t.Errorf("%q, want %q; %d repositories", places, want, len(c.Repositories))
	}
}

// TestProblemsOfTemplates: what is wrong with one user does not hide the others.
func TestProblemsOfTemplates(t *testing.T) {
	_, problems := parse(t, `[[repositories]]
name = "office"
place = "s3:https://s3.example/mail/{user}"
trust = "e28dc89e5f0eb7b6dd55734e37cb7d70"
[[repositories]]
name = "home"
place = "/srv/home"
key_file = "{user}.key"
[[accounts]]
url = "imaps://anna@mail.example"
[[accounts]]
users_file = "users"
users_command = "ldapsearch"
url = "imaps://{user}@mail.example"
[[accounts]]
users_command = "ldapsearch"
url = "imaps://{user}@mail.example"
`)
	want := []string{
		`dir/c.toml:4: trust: cannot be that of the repositories of all users`,
		`dir/c.toml:8: key_file: contains {user}, and the place does not`,
		`dir/c.toml:9: repository: is one for each user`,
		`dir/c.toml:13: users_command: excludes users_file`,
	}
	for i := range max(len(want), len(problems)) {
		if i >= len(want) || i >= len(problems) || !strings.HasPrefix(problems[i], want[i]) {
			t.Fatalf("problems %q, want %q", problems, want)
		}
	}
}

// TestProblemsOfApplications tests the problems of providers whose tokens need no consent.
func TestProblemsOfApplications(t *testing.T) {
	_, problems := parse(t, `[[repositories]]
place = "a"
[[oauth2_providers]]
name = "good"
kind = "microsoft"
client_id = "c"
tenant = "contoso.example"
application = true
client_secret_file = "s"
[[oauth2_providers]]
name = "good too"
kind = "google"
service_account_file = "key.json"
[[oauth2_providers]]
name = "microsoft"
client_id = "c"
application = true
keyring = true
[[oauth2_providers]]
name = "google"
client_id = "c"
application = true
client_secret_file = "s"
[[oauth2_providers]]
name = "uni"
client_id = "c"
application = true
service_account_file = "key.json"
token_url = "https://id.example/token"
[[oauth2_providers]]
name = "other"
client_id = "c"
application = true
client_secret_file = "s"
`)
	want := []string{
		`dir/c.toml:17: application: needs the tenant`,
		`dir/c.toml:17: application: needs the secret of the client`,
		`dir/c.toml:18: keyring: has nothing to seal`,
		`dir/c.toml:22: application: is not for Google`,
		`dir/c.toml:26: client_id: excludes service_account_file`,
		`dir/c.toml:27: application: excludes service_account_file`,
		`dir/c.toml:28: service_account_file: is only for Google`,
		`dir/c.toml:33: application: needs the token_url`,
	}
	for i := range max(len(want), len(problems)) {
		if i >= len(want) || i >= len(problems) || !strings.HasPrefix(problems[i], want[i]) {
			t.Fatalf("problems %q, want %q", problems, want)
		}
	}
}

// TestProblemsOfProvidersAndWatches tests the problems of tokens, keyrings and monitors.
func TestProblemsOfProvidersAndWatches(t *testing.T) {
	_, problems := parse(t, `[[repositories]]
place = "a"
secret_keyring = "home"
[[oauth2_providers]]
name = "google"
client_secret = "hunter2"
[[oauth2_providers]]
name = "uni"
client_id = "c"
tenant = "t"
[[oauth2_providers]]
name = "contoso"
kind = "microsft"
client_id = "c"
[[accounts]]
url = "imaps://anna@mail.example"
secret_keyring = "home"
[[accounts]]
url = "imaps://jo@mail.example"
oauth2_provider = "googel"
secret_env = "B"
[watch.backup]
ping = "https://hc.example/hunter2"
metrics = "m.prom"
[watch.prune]
metrics = "m.prom"
[watch.backups]
`)
	want := []string{
		`dir/c.toml:4: a provider needs a client_id`,
		`dir/c.toml:6: client_secret: secrets do not belong in this file`,
		`dir/c.toml:7: a provider needs a URL`,
		`dir/c.toml:10: tenant: is only for Microsoft`,
		`dir/c.toml:13: kind: is "microsft"; it should be one of google, microsoft, other`,
		`dir/c.toml:17: secret_keyring: "home" is the entry of another secret too`,
		`dir/c.toml:20: oauth2_provider: excludes a password`,
		`dir/c.toml:20: oauth2_provider: there is no provider "googel"`,
		`dir/c.toml:23: ping: secrets do not belong in this file`,
		`dir/c.toml:26: metrics: is also the file of backup`,
		`dir/c.toml:27: backups: unknown key`,
	}
	for i, problem := range problems {
		if i >= len(want) || !strings.HasPrefix(problem, want[i]) || strings.Contains(problem, "hunter2") {
			t.Errorf("problem %d: %s", i, problem)
		}
	}
	if len(problems) != len(want) {
		t.Errorf("%d problems, want %d", len(problems), len(want))
	}
}

// TestAllProblemsAreReported requires each problem with its line and key, and without secrets.
func TestAllProblemsAreReported(t *testing.T) {
	_, problems := parse(t, `paralel = 4
[[repositories]]
key_file = 7
[[accounts]]
url = "imaps://anna:hunter2@mail.example"
[[accounts]]
url = "imaps://jo@mail.example"
password = "hunter2"
secret_file = "a"
secret_env = "B"
connections = "four"
gmail = "label"
repository = "main"
[[accounts]]
url = "imaps://jo@mail.example"
verify_source = "1"
budget_day = "2"
[retention]
keep_daily = 0
keep_dayly = 3
`)
	want := []string{
		`dir/c.toml:1: paralel: unknown key`,
		`dir/c.toml:2: a repository has a place`,
		`dir/c.toml:3: key_file: is a number; it should be text`,
		`dir/c.toml:5: url: the account's URL holds a password`,
		`dir/c.toml:8: password: secrets do not belong in this file`,
		`dir/c.toml:10: secret_env: excludes secret_file`,
		`dir/c.toml:11: connections: is a text; it should be a number`,
		`dir/c.toml:12: gmail: is "label"; it should be one of all-mail, labels`,
		`dir/c.toml:13: repository: there is no repository "main"`,
		`dir/c.toml:14: name: another account has the name "jo@mail.example"`,
		`dir/c.toml:16: verify_source: "1" is not a share`,
		`dir/c.toml:17: budget_day: "2" is no number of bytes`,
		`dir/c.toml:19: keep_daily: is 0; it should be from 1`,
		`dir/c.toml:20: keep_dayly: unknown key`,
	}
	for i, problem := range problems {
		if i >= len(want) || !strings.HasPrefix(problem, want[i]) || strings.Contains(problem, "hunter2") {
			t.Errorf("problem %d: %s", i, problem)
		}
	}
	if len(problems) != len(want) {
		t.Errorf("%d problems, want %d", len(problems), len(want))
	}
}

func TestWhatIsNoTOMLIsToldWithItsLine(t *testing.T) {
	for text, want := range map[string]string{
		"a = 1\nb = \n":                  "dir/c.toml:2:5: a value is expected here",
		"a = 1\nb = imaps://x\n":         "dir/c.toml:2:5: a value is expected here: text is in quotes",
		"x = 1\nx = 2\n":                 "dir/c.toml:2:1: ",
		"[[accounts]]\nurl = 'hunter2\n": "dir/c.toml:2:15: the line ends before the closing quote",
	} {
		_, problems := parse(t, text)
		if len(problems) != 1 || !strings.HasPrefix(problems[0], want) || strings.Contains(problems[0], "hunter2") {
			t.Errorf("%q: %v", text, problems)
		}
	}
}

func TestLinesOfKeysHoweverTheyAreWritten(t *testing.T) {
	_, problems := parse(t, `
accounts = [
  { url = "imaps://a@b", one = 1 },
  { url = "imaps://c@d",
    two = 2 },
]
retention.three = 3
`)
	got := strings.Join(problems, "\n")
	for _, want := range []string{":3: one: ", ":5: two: ", ":7: three: "} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

func TestTemplateMakesAnAccountOfEachLogin(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("users.txt", "# of the faculty\nanna\n\n  jo@example.org\r\n")
	file := write("c.toml", `
[[accounts]]
users_file = "users.txt"
url = "imaps://{user}*master@mail.example"
secret_env = "MASTER"
exclude = ["Trash"]
`)
	c, err := Load(file, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range c.Accounts {
		got = append(got, fmt.Sprint(a.Name, " ", a.URL, " ", a.Secret.Variable, a.Exclude))
	}
	want := []string{
		"anna imaps://anna*master@mail.example MASTER[Trash]",
		"jo@example.org imaps://jo%40example.org*master@mail.example MASTER[Trash]",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q", got, want)
	}

	write("users.txt", "anna\nanna\n")
	_, err = Load(file, "", nil)
	if want := "users.txt:2: anna: another account has this name"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
}

// TestShards requires that each account is in one share, that shares have similar sizes, and that
// the rule does not change.
func TestShards(t *testing.T) {
	const of, accounts = 8, 8000
	var sizes [of + 1]int
	for i := range accounts {
		in := 0
		for n := 1; n <= of; n++ {
			if (Shard{n, of}).Has(fmt.Sprintf("user%d@example.org", i)) {
				in++
				sizes[n]++
			}
		}
		if in != 1 {
			t.Fatalf("account %d is in %d shares", i, in)
		}
	}
	for n := 1; n <= of; n++ {
		if sizes[n] < accounts/of*8/10 || sizes[n] > accounts/of*12/10 {
			t.Errorf("%d of %d accounts are in share %d", sizes[n], accounts, n)
		}
	}
	if !(Shard{}).Has("anna") || !(Shard{1, 1}).Has("anna") {
		t.Error("the only share lacks an account")
	}
	for name, n := range map[string]int{"anna@mail.example": 4, "jo": 5, "": 5} {
		if !(Shard{n, 8}).Has(name) {
			for m := 1; m <= 8; m++ {
				if (Shard{m, 8}).Has(name) {
					t.Errorf("%q is in share %d of 8, and was in %d", name, m, n)
				}
			}
		}
	}
	for text, want := range map[string]Shard{"1/2": {1, 2}, "2/2": {2, 2}, "@0/2": {1, 2}, "@1/2": {2, 2}, "@0/1": {1, 1}} {
		if s, err := ParseShard(text); err != nil || s != want {
			t.Errorf("%q is read as %v: %v", text, s, err)
		}
	}
	for _, text := range []string{"", "1", "0/2", "3/2", "1/2/3", "-1/2", "1/2 ", "01/2", "@2/2", "@-1/2", "@@0/2", "@", "@/2", "@00/2", "0@/2", "@$(X)/2"} {
		if s, err := ParseShard(text); err == nil {
			t.Errorf("%q is read as %v", text, s)
		}
	}
}

// A configuration is read, or each problem has its line and a text.
func FuzzParse(f *testing.F) {
	f.Add("[[accounts]]\nurl = \"imaps://a@b\"\n[[repositories]]\nplace=\"x\"\n[retention]\nkeep_daily=1")
	f.Add("accounts = [{url = 'imaps://a@b'}, 3]\na.b.c = [[1],{}]\n[a]\n[[a.b]]")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "users_file") {
			return // it may name any file
		}
		c, err := Parse("c.toml", "", []byte(text), nil)
		if err == nil && c == nil {
			t.Fatal("neither a configuration nor an error")
		}
		if err != nil {
			for _, problem := range err.(Problems) {
				if problem.Line < 0 || problem.Line > strings.Count(text, "\n")+1 || problem.Text == "" {
					t.Errorf("%+v", problem)
				}
			}
		}
	})
}
