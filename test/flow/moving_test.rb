# SPDX-License-Identifier: BSD-3-Clause
# Moving in from the original, and out of here and back.
require_relative "lib/tandem"

class MovingTest < FlowTest
  DATA = File.join(__dir__, "moving")
  XML = File.join(DATA, "xml")

  def import(*args, code: 0)
    result = server.run("import", "sipsorcery", *args, "--json")
    assert_equal code, result.code, result.to_s
    JSON.parse(result.out)
  end

  def row(rows, kind, name) = rows.find { |r| r["kind"] == kind && r["name"] == name } || flunk("no #{kind} #{name} in #{rows}")
  def shown(*args) = JSON.parse(tandem(*args, "--json"))

  def test_xml
    rows = import(XML, code: 1)
    assert_equal "taken", row(rows, "customer", "joeblow")["result"]
    assert_match(/hash of another kind/, row(rows, "customer", "maryann")["why"])
    assert_match(/"not a host" is left out/, row(rows, "domain", "sip.example.org")["why"])
    assert_match(/gone/, row(rows, "account", "joe.joeblow@sip.example.org")["why"])
    assert_equal "left out", row(rows, "provider", "gv")["result"]
    assert_equal "left out", row(rows, "dialplan", "snake")["result"]
    assert_equal "refused", row(rows, "account", "lost1@sip.example.org")["result"]
    # One bad account, and nothing of its customer is here.
    assert_equal "refused", row(rows, "account", "bad name@sip.example.org")["result"]
    assert_equal "not taken", row(rows, "account", "fine1@sip.example.org")["result"]
    refused "customer", "show", "brokenone", code: 3
    assert_equal [7, true], shown("customer", "show", "joeblow").values_at("scripts_max", "can_log_in")
    assert_equal ["local", "sip.example.org:5060"], shown("domain", "show", "sip.example.org")["aliases"].sort
    joe = shown("account", "show", "joe.joeblow@sip.example.org")
    assert_equal ["default", "", false, "home"], joe.values_at("out_dialplan", "in_dialplan", "nat_keepalive", "network_id").map { |v| v.nil? ? "" : v }
    assert_equal ["noisy", true], shown("account", "show", "doorphone@joe.example.org").values_at("disabled_reason", "incoming_only")
    trunk = shown("provider", "show", "trunk", "--customer", "joeblow")
    assert_equal ["X-One: 1", "X-Two: ${dst}"], trunk["headers"]
    assert_equal [true, 3600, true], trunk.values_at("register", "expires", "has_password")
    assert_equal %Q(sys.Log("<hello> & welcome")\nsys.Dial("\#{req.URI.User}@trunk") if sys.Out && 1 < 2\n),
                 shown("dialplan", "show", "default", "--customer", "joeblow")["script"]
    assert_equal "line", shown("dialplan", "show", "old lines", "--customer", "joeblow")["type"]
    assert_equal 1, shown("cdrs").size
    assert_no_secrets
  end

  def assert_no_secrets
    text = Dir.glob(File.join(server.dir, "data", "*.db*")).map { |f| File.binread(f) }.join
    ["trunk-secret", "p&ss", "open-sesame", "secret-mary"].each { |s| refute_includes text, s }
  end

  def test_a_second_run_changes_nothing
    import(XML, code: 1)
    before = dump
    again = import(XML, code: 1)
    assert_empty again.map { |r| r["result"] } - ["unchanged", "left out", "refused", "not taken", "kept", "changed"]
    assert_equal before, dump
    tandem "account", "set", "mary@sip.example.org", "--description", "ours"
    assert_match(/description/, row(import(XML, code: 1), "account", "mary@sip.example.org")["why"])
    assert_equal "ours", shown("account", "show", "mary@sip.example.org")["description"]
    import(XML, "--update", code: 1)
    assert_empty shown("account", "show", "mary@sip.example.org")["description"].to_s
  end

  def dump
    %w[customers domains accounts dialplans providers cdrs].map do |t|
      IO.popen(["sqlite3", File.join(server.dir, "data", "tandem.db"), "SELECT * FROM #{t}"], &:read)
    end
  end

  def test_dry_run_changes_nothing
    rows = import(XML, "--dry-run", code: 1)
    assert_equal "taken", row(rows, "account", "mary@sip.example.org")["result"]
    assert_equal [], shown("customer", "list")
    assert_equal [], shown("domain", "list")
  end

  def test_mysql_dump
    rows = import("--sql", File.join(DATA, "sql", "mysql.sql"))
    assert_equal ["7"], rows.select { |r| r["kind"] == "rule" }.map { |r| r["name"] }
    rules = shown("dialplan", "show", "wiz", "--customer", "joeblow").values_at("type", "script")
    assert_equal ["wizard", "[rule To the UK]\ndirection = Out\npriority = 1.500\npatterntype = Prefix\npattern = _0044N\n" \
                            "command = Dial\ncommandparameter1 = ${dst:2}\ncommandparameter2 = trunk\n\n" \
                            "[rule Evenings]\ndirection = In\npriority = 2.000\ntomatchtype = ToSIPAccount\ntomatchparameter = joe10@sip.example.org\n" \
                            "timepattern = MTu;18:00-20:00\ncommand = Reject\ncommandparameter1 = 480\nisdisabled = true\n"], rules
    assert_equal %Q(sys.Log("it's; a \\d test")\r\nsys.Dial('1@trunk')\n), shown("dialplan", "show", "default", "--customer", "joeblow")["script"]
    tandem "dialplan", "put", "wiz2", "-", "--type", "wizard", "--customer", "joeblow", input: rules[1] # it is understood
    assert_equal [false, true], %w[joeblow anna-b].map { |n| shown("customer", "show", n)["suspended"] }
    assert_equal "default", shown("account", "show", "joe10@sip.example.org")["out_dialplan"]
    assert_equal "unchanged", row(import("--sql", File.join(DATA, "sql", "mysql.sql")), "value", "count")["result"]
  end

  def test_postgresql_dump
    import("--sql", File.join(DATA, "sql", "postgres.sql"))
    assert_equal %Q(sys.Log("a\tb")\nsys.Dial("x\\\\d")\n), shown("dialplan", "show", "default")["script"]
    assert shown("account", "show", "peter@pg.example.org")
    assert_match(/pg_dump/, refused("import", "sipsorcery", "--sql", "postgresql://db/x"))
  end

  def hostile(text)
    dir = File.join(server.dir, "hostile")
    FileUtils.mkdir_p(dir)
    File.write(File.join(dir, "customers.xml"), text)
    refused("import", "sipsorcery", dir)
  end

  def test_hostile_xml
    bomb = %(<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>)
    file = %(<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>)
    [bomb, file].each { |d| assert_match(/document type/, hostile("#{d}<customers><customer><customerusername>&b;&x;</customerusername></customer></customers>")) }
    assert_match(/customers.xml:1/, hostile("<customers><customer>"))
    assert_match(/does not fit/, hostile("<sipaccounts/>"))
    assert_match(/too deep/, hostile("<customers>" + "<a>" * 100))
    assert_match(/longer than/, hostile("<customers><customer><a>" + "x" * (2 << 20)))
    assert_match(/more than 64 fields/, hostile("<customers><customer>" + "<a/>" * 100))
  end

  def exported(from, name, *args)
    dir = File.join(from.dir, name)
    result = from.run("export", dir, *args)
    assert result.ok?, result.to_s
    Dir.glob(File.join(dir, "*")).sort.to_h { |f| [File.basename(f), File.read(f)] }
  end

  def other
    @other ||= Tandem.new.tap { |o| o.run("customer", "list") }
  end

  def teardown
    @other&.clean
    super
  end

  def test_export_and_import_are_equal
    import(XML, code: 1)
    import("--sql", File.join(DATA, "sql", "postgres.sql"))
    tandem "dialplan", "put", "latin", "-", "--customer", "peter-p", "--unchecked", input: "sys.Log('\xe4')\n".b
    first = exported(server, "out")
    assert_equal %w[accounts calls customers dialplans domains providers values].map { |k| "#{k}.json" }, first.keys
    assert_equal [0o600], Dir.glob(File.join(server.dir, "out", "*")).map { |f| File.stat(f).mode & 0o777 }.uniq
    ["trunk-secret", "p&ss", "open-sesame", "secret-mary"].each { |s| refute_includes first.values.join, s }
    # Without the key that sealed it, a password is worth nothing.
    refused = other.run("import", File.join(server.dir, "out"))
    assert_match(/key file/, refused.err)
    assert_equal [], other.run("customer", "list", "--json").json
    FileUtils.cp(File.join(server.dir, "data", "tandem.key"), File.join(other.dir, "data", "tandem.key"))
    back = other.run("import", File.join(server.dir, "out"))
    assert back.ok?, back.to_s
    assert_equal first, exported(other, "again")
    assert_match(/0 rows were added, 0 updated|1 rows were added, 0 updated/, other.run("import", File.join(server.dir, "out")).out)
    other.run("account", "set", "mary@sip.example.org", "--description", "other")
    assert_match(/--update/, other.run("import", File.join(server.dir, "out")).err)
    assert other.run("import", File.join(server.dir, "out"), "--update").ok?
    assert_equal first, exported(other, "third")
  end

  def test_export_of_one_customer
    import(XML, code: 1)
    files = exported(server, "out", "--customer", "maryann")
    assert_equal [1, 1, 0, 0, 1], %w[customers domains dialplans providers accounts].map { |k| JSON.parse(files["#{k}.json"])["rows"].size }
    refute_includes files.values.join, "joeblow"
  end

  def test_files_that_are_not_ours
    server.demo
    exported(server, "out")
    file = File.join(server.dir, "out", "accounts.json")
    ["", "{}", "[]", '{"tandem":1,"kind":"accounts","rows":[{}]}', '{"tandem":1,"kind":"accounts","rows":[1]}',
     '{"tandem":2,"kind":"accounts","rows":[]}', "[" * 100_000].each do |text|
      File.write(file, text)
      assert_match(/nothing was imported/, refused("import", File.join(server.dir, "out")))
    end
  end
end
