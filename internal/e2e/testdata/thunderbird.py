"""Uses Thunderbird as a person would, on a screen that nobody sees, and prints what it shows as JSON.

Arguments: a directory for the profile and the pictures, then host, port and user name of the archive and of the live account.
Both have the password of the environment variable PASSWORD. Thunderbird is driven by Marionette, which runs scripts in its window:
https://firefox-source-docs.mozilla.org/testing/marionette/Protocol.html"""
import base64, json, os, signal, socket, subprocess, sys, time

dir, archive, live = sys.argv[1], sys.argv[2:5], sys.argv[5:8]

PREFS = {
    'app.update.enabled': False, 'app.normandy.enabled': False, 'extensions.update.enabled': False,
    'datareporting.policy.dataSubmissionPolicyBypassNotification': True, 'mail.inappnotifications.enabled': False,
    'mail.provider.suppress_dialog_on_startup': True, 'mail.rights.version': 1, 'mail.shell.checkDefaultClient': False,
    'mail.spotlight.firstRunDone': True, 'mail.winsearch.firstRunDone': True, 'mailnews.start_page.enabled': False,
    'mailnews.database.global.indexer.enabled': False, 'network.captive-portal-service.enabled': False,
    'network.connectivity-service.enabled': False, 'network.proxy.no_proxies_on': '127.0.0.1', 'network.proxy.type': 1,
    'network.proxy.http': '127.0.0.1', 'network.proxy.http_port': 9, 'network.proxy.ssl': '127.0.0.1', 'network.proxy.ssl_port': 9,
    'mail.accountmanager.accounts': 'account1,account2,account3', 'mail.accountmanager.localfoldersserver': 'server3',
    'mail.account.account3.server': 'server3', 'mail.server.server3.type': 'none', 'mail.server.server3.hostname': 'Local Folders',
    'mail.server.server3.userName': 'nobody',
}
for n, name, (host, port, user) in (1, 'Archive', archive), (2, 'Live', live):
    PREFS |= {'mail.account.account%d.server' % n: 'server%d' % n, 'mail.account.account%d.identities' % n: 'id%d' % n,
              'mail.identity.id%d.useremail' % n: '%s@mail.example' % name, 'mail.identity.id%d.valid' % n: True}
    PREFS |= {'mail.server.server%d.%s' % (n, key): value for key, value in {
        'type': 'imap', 'hostname': host, 'port': int(port), 'userName': user, 'name': name, 'socketType': 0, 'authMethod': 3,
        'login_at_startup': False, 'check_new_mail': False, 'offline_download': False, 'using_subscription': False}.items()}

PRELUDE = '''
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const win = Services.wm.getMostRecentWindow("mail:3pane");
const pane = () => win.document.getElementById("tabmail").currentAbout3Pane;
const server = n => MailServices.accounts.allServers.find(s => s.key == "server" + n);
const all = n => [...server(n).rootFolder.descendants];
const path = f => f.parent.isServer ? f.name : path(f.parent) + "/" + f.name;
const folder = (n, name) => all(n).find(f => path(f) == name);
async function until(what, test) {
  const end = Date.now() + 60000;
  for (;;) {
    const v = await test();
    if (v) return v;
    if (Date.now() > end) throw new Error("waited for " + what);
    await new Promise(r => win.setTimeout(r, 20));
  }
}
async function open(n, name, count) {
  const f = await until(name, () => folder(n, name));
  pane().displayFolder(f.URI);
  await until("messages of " + name, () => [...f.messages].length >= count);
  return f;
}
// drop does what the folder pane does when something is dropped on a folder, with the effect of a move.
function drop(kind, things, target) {
  const row = [...pane().folderTree.querySelectorAll("li")].find(li => li.uri == target.URI);
  return pane().folderPane._onDrop({
    dataTransfer: { dropEffect: "move", mozItemCount: things.length, mozTypesAt: () => [kind], mozGetDataAt: (_, i) => things[i] },
    target: row, clientY: 0, preventDefault() {}, stopPropagation() {} });
}
const headers = f => [...f.messages].map(h => [h.messageKey, h.mime2DecodedSubject, h.isRead, h.isFlagged]);
'''

class Marionette:
    """A connection to Thunderbird. A message is its length, a colon, and JSON."""
    def __init__(self, port):
        self.socket = until(lambda: connect(port))
        self.file, self.number = self.socket.makefile('rb'), 0
        self.receive()
        self.call('WebDriver:NewSession', {})
        self.call('Marionette:SetContext', {'value': 'chrome'})
        self.call('WebDriver:SetTimeouts', {'script': 100_000})
    def receive(self):
        size = b''
        while not size.endswith(b':'):
            size += self.file.read(1) or sys.exit('Thunderbird is gone')
        return json.loads(self.file.read(int(size[:-1])))
    def call(self, command, parameters):
        self.number += 1
        text = json.dumps([0, self.number, command, parameters]).encode()
        self.socket.sendall(b'%d:%s' % (len(text), text))
        _, _, error, result = self.receive()
        if error: sys.exit('%s: %s' % (command, error))
        return result
    def run(self, script, *args):
        """Runs the body of an async function, and returns its result."""
        result = self.call('WebDriver:ExecuteAsyncScript', {'args': list(args), 'sandbox': 'system', 'script': '''
            const done = arguments[arguments.length - 1], args = [...arguments];
            (async () => {%s%s})().then(v => done({v: v ?? null}), e => done({e: e + "\\n" + e?.stack}));''' % (PRELUDE, script)})['value']
        if 'e' in result: sys.exit(result['e'])
        return result['v']
    def picture(self, name):
        with open('%s/%s.png' % (dir, name), 'wb') as f:
            f.write(base64.b64decode(self.call('WebDriver:TakeScreenshot', {'full': False})['value']))

def connect(port):
    try: return socket.create_connection(('127.0.0.1', port), 120)
    except OSError: return None

def until(test):
    end = time.time() + 60
    while time.time() < end:
        if value := test(): return value
        time.sleep(.05)
    sys.exit('Thunderbird does not start')

def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]

def use(m):
    """Lists, reads, searches and copies."""
    m.run('await until("the window", () => win && pane()?.folderTree)')
    m.run('for (const n of [1, 2]) { server(n).password = args[0]; server(n).performExpand(win.msgWindow); }', os.environ['PASSWORD'])
    m.run('await until("folders", () => folder(1, "Projects/Bridge") && folder(2, "INBOX"))')
    shown = {'folders': m.run('return all(1).map(path)')}
    shown['INBOX'] = m.run('return headers(await open(1, "INBOX", 20))')
    shown['Bridge'] = m.run('return headers(await open(1, "Projects/Bridge", 5))')
    shown['text'] = m.run('''
        const f = await open(1, "INBOX", 20), view = await until("the list", () => pane().gDBView?.msgFolder == f && pane().gDBView);
        const row = view.findIndexOfMsgHdr([...f.messages].find(h => h.messageKey == 1), true);
        pane().threadTree.selectedIndex = row;
        const shown = () => pane().messageBrowser.contentDocument.getElementById("messagepane").contentDocument.body?.textContent.trim();
        return await until("a text", shown)''')
    m.picture('message')
    shown['found'] = m.run('''
        const search = Cc["@mozilla.org/messenger/searchSession;1"].createInstance(Ci.nsIMsgSearchSession);
        search.addScopeTerm(Ci.nsMsgSearchScope.onlineMail, folder(1, "INBOX"));
        const term = search.createTerm(), value = term.value;
        value.attrib = term.attrib = Ci.nsMsgSearchAttrib.Body;
        value.str = "granite";
        term.value = value;
        term.op = Ci.nsMsgSearchOp.Contains;
        search.appendTerm(term);
        const keys = [];
        await new Promise(r => {
          search.registerListener({ onSearchHit: h => keys.push(h.messageKey), onSearchDone: r, onNewSearch() {} });
          search.search(null);
        });
        return keys''')
    m.run('''
        const f = folder(1, "INBOX"), some = [...f.messages].filter(h => [2, 3, 4].includes(h.messageKey));
        drop("text/x-moz-message", some.map(h => f.getUriForMsg(h)), folder(2, "INBOX"));
        await until("copies", () => folder(2, "INBOX").getTotalMessages(false) == 3);
        drop("text/x-moz-folder", [folder(1, "Projects")], server(2).rootFolder);
        await until("a copy of the folder", () => folder(2, "Projects/Bridge"))
        await open(2, "Projects/Bridge", 5)''')
    shown['left'] = m.run('return [headers(folder(1, "INBOX")).length, headers(await open(1, "Projects/Bridge", 5)).length]')
    m.picture('copied')
    shown['alerts'] = m.run('return [...Services.wm.getEnumerator(null)].filter(w => w != win).map(w => w.document.documentElement.textContent)')
    return shown

port = free_port()
os.makedirs(dir + '/profile')
with open(dir + '/profile/user.js', 'w') as f:
    for name, value in ({'marionette.port': port} | PREFS).items():
        f.write('user_pref("%s", %s);\n' % (name, json.dumps(value)))
thunderbird = subprocess.Popen(
    ['xvfb-run', '-a', '-s', '-screen 0 1280x900x24', 'thunderbird', '--profile', dir + '/profile', '--no-remote', '--marionette',
     '--remote-allow-system-access'],
    env=os.environ | {'HOME': dir, 'MOZ_CRASHREPORTER_DISABLE': '1', 'LIBGL_ALWAYS_SOFTWARE': '1', 'NO_AT_BRIDGE': '1'},
    stdout=open(dir + '/output', 'w'), stderr=subprocess.STDOUT, start_new_session=True)
try:
    print(json.dumps(use(Marionette(port))))
finally:
    os.killpg(thunderbird.pid, signal.SIGTERM)
    try: thunderbird.wait(5)
    except subprocess.TimeoutExpired: os.killpg(thunderbird.pid, signal.SIGKILL)
