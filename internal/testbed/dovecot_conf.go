package testbed

// dovecotValues are what a configuration of Dovecot is filled in with.
type dovecotValues struct {
	DovecotOptions
	Dir, Cert, Key string
	Port, TLSPort  int
	SievePort      int
}

// Path is where a user's mail is.
func (v dovecotValues) Path() string {
	if v.Format == "maildir" {
		return "~/Maildir"
	}
	return "~/mail"
}

// Dovecot 2.4 (Debian 13) does not read a configuration for 2.3 (Debian 12), so there are two with
// the same meaning. Nothing in them changes the root directory, or needs users that a container
// lacks; mail belongs to nobody.
const (
	dovecotConf23 = dovecotCommon + `
ssl_cert = <{{.Cert}}
ssl_key = <{{.Key}}
disable_plaintext_auth = no
mail_location = {{.Format}}:{{.Path}}{{if .IndexMemory}}:INDEX=MEMORY{{end}}
maildir_stat_dirs = yes
{{- with .Master}}
auth_master_user_separator = *
passdb {
  driver = static
  args = password={{.}}
  master = yes
}
{{- end}}
passdb {
  driver = static
  args = password={{.Password}}
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home={{.Dir}}/mail/%u
}
protocol imap {
  mail_plugins = $mail_plugins zlib imap_zlib{{if .Others}} virtual{{end}}{{if .ACL}} acl imap_acl
  imap_metadata = yes{{end}}
}
{{- if .ACL}}
mail_attribute_dict = file:%h/dovecot-attributes
plugin {
  acl = vfile
}
{{- end}}
{{- if .Others}}
namespace public {
  type = public
  separator = {{.Separator}}
  prefix = Public{{.Separator}}
  location = maildir:{{.Dir}}/mail/public
  subscriptions = no
  list = yes
}
namespace shared {
  type = shared
  separator = {{.Separator}}
  prefix = shared{{.Separator}}%%u{{.Separator}}
  location = maildir:%%h/Maildir
  subscriptions = no
  list = children
}
namespace virtual {
  separator = {{.Separator}}
  prefix = virtual{{.Separator}}
  location = virtual:~/virtual
  list = yes
  mailbox All {
    special_use = \All
  }
  mailbox Flagged {
    special_use = \Flagged
  }
}
{{- end}}
{{- if .Sieve}}
plugin {
  sieve = file:~/sieve;active=~/.dovecot.sieve
}
{{- if .Others}}
protocol sieve {
  mail_plugins = $mail_plugins virtual
}
{{- end}}
{{- end}}
{{.Config}}
`

	dovecotConf24 = `
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
` + dovecotCommon + `
ssl_server_cert_file = {{.Cert}}
ssl_server_key_file = {{.Key}}
auth_allow_cleartext = yes
mail_driver = {{.Format}}
mail_path = {{.Path}}
{{- if .IndexMemory}}
mail_index_path = MEMORY
{{- end}}
maildir_stat_dirs = yes
{{- with .Master}}
auth_master_user_separator = *
passdb master {
  driver = static
  passdb_static_password = {{.}}
  master = yes
}
{{- end}}
passdb static {
  passdb_static_password = {{.Password}}
}
userdb static {
  fields {
    uid = nobody
    gid = nogroup
    home = {{.Dir}}/mail/%{user}
  }
}
protocol imap {
  mail_plugins {
    mail_compress = yes
    {{- if .Others}}
    virtual = yes
    {{- end}}
    {{- if .ACL}}
    acl = yes
    imap_acl = yes
    {{- end}}
  }
  {{- if .ACL}}
  imap_metadata = yes
  {{- end}}
}
{{- if .ACL}}
acl_driver = vfile
mail_attribute {
  dict file {
    path = %{home}/dovecot-attributes
  }
}
{{- end}}
{{- if .Others}}
namespace public {
  type = public
  separator = {{.Separator}}
  prefix = Public{{.Separator}}
  mail_driver = maildir
  mail_path = {{.Dir}}/mail/public
  subscriptions = no
  list = yes
}
namespace shared {
  type = shared
  separator = {{.Separator}}
  prefix = shared{{.Separator}}$user{{.Separator}}
  mail_driver = maildir
  mail_path = %{owner_home}/Maildir
  subscriptions = no
  list = children
}
namespace virtual {
  separator = {{.Separator}}
  prefix = virtual{{.Separator}}
  mail_driver = virtual
  mail_path = ~/virtual
  list = yes
  mailbox All {
    special_use = \All
  }
  mailbox Flagged {
    special_use = \Flagged
  }
}
{{- end}}
{{- if .Sieve}}
sieve_script personal {
  driver = file
  path = ~/sieve
  active_path = ~/.dovecot.sieve
}
{{- if .Others}}
protocol sieve {
  mail_plugins {
    virtual = yes
  }
}
{{- end}}
{{- end}}
{{.Config}}
`

	dovecotCommon = `
protocols = imap{{if .Sieve}} sieve{{end}}
listen = 127.0.0.1
base_dir = {{.Dir}}/run
state_dir = {{.Dir}}/state
log_path = /dev/stderr
ssl = yes
auth_username_chars =
mail_uid = nobody
mail_gid = nogroup
first_valid_uid = 1
first_valid_gid = 1
default_internal_user = nobody
default_internal_group = nogroup
default_login_user = nobody
mail_max_userip_connections = 100
mail_fsync = never
service imap-login {
  chroot =
  inet_listener imap {
    port = {{.Port}}
  }
  inet_listener imaps {
    port = {{.TLSPort}}
    ssl = yes
  }
}
{{- if .Sieve}}
service managesieve-login {
  chroot =
  inet_listener sieve {
    port = {{.SievePort}}
  }
}
{{- end}}
service anvil {
  chroot =
}
service stats {
  chroot =
}
namespace inbox {
  inbox = yes
  separator = {{.Separator}}
}
{{- with .Capability}}
protocol imap {
  imap_capability = {{.}}
}
{{- end}}
`
)
