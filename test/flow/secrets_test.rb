# SPDX-License-Identifier: BSD-3-Clause
# Providers' passwords: sealed, under keys that change while everything runs, and nowhere in the
# clear.
require_relative "lib/tandem"
require_relative "lib/sip"
require_relative "lib/carrier"

class SecretsTest < FlowTest
  SECRET = "Sesame-open-7351"

  def key_file = File.join(server.dir, "data", "tandem.key")
  def keys = JSON.parse(tandem("key", "list", "--json"))
  def current = keys.find { |k| k["state"] == "current" }
  def shown(name) = JSON.parse(tandem("provider", "show", name, "--json"))

  def add(name, secret = SECRET, port: 5060)
    tandem "provider", "add", name, "--customer", "demo", "--server", "sip:127.0.0.1:#{port}", "--username", "me",
           "--password-stdin", input: "#{secret}\n"
  end

  def import(count)
    file = File.join(server.dir, "providers.csv")
    File.write(file, "name,customer,server,username,password\n" +
      (1..count).map { |i| "p#{i},demo,sip.example.com,me,secret-of-#{i}\n" }.join)
    assert_match(/#{count} providers were added/, tandem("provider", "import", file))
    File.delete(file)
  end

  # alice, who dials through the provider `trunk`, which is the carrier.
  def with_calls
    @carrier = Carrier.new(server.port, name: "me", password: SECRET)
    add "trunk", port: @carrier.port
    server.dialplan("out", "sys.Dial(\"\#{req.URI.User}@trunk\")\n")
    tandem "account", "set", "alice@example.test", "--out-dialplan", "out"
    @alice = Phone.new("alice", server.port).tap(&:register)
  end

  # A whole call through the provider.
  def call
    uri = "sip:4711@example.test"
    @alice = Phone.new("alice", server.port)
    ok = @alice.ask("INVITE", uri, body: @alice.sdp, headers: ["Content-Type: application/sdp"])
    assert_equal 200, ok.status, ok.to_s
    @alice.acknowledge(ok, uri)
    @alice.send_text(@alice.request("BYE", ok["Contact"][/<([^>]*)>/, 1], to: uri, to_tag: ok["To"][/tag=([^;]*)/, 1]))
    assert_equal 200, @alice.expect_final("BYE").status
  ensure
    @alice.close
  end

  def teardown
    @carrier&.close
    super
  end

  def test_a_rotation
    server.demo("alice").start
    with_calls
    old = current["id"]
    call
    said = tandem("key", "rotate")
    fresh = current["id"]
    refute_equal old, fresh
    assert_match(/Key #{fresh} is the current one.*1 passwords were sealed anew/m, said)
    assert_equal [["opens", 0, true], ["current", 1, true]], keys.map { |k| k.values_at("state", "passwords", "in_service") }
    assert_equal fresh, shown("trunk")["password_key"]
    assert_equal 0o600, File.stat(key_file).mode & 0o777
    call
    add "other"
    assert_equal fresh, shown("other")["password_key"]
    assert_match(/is the current key/, refused("key", "remove", fresh))
    assert_match(/no key 00000000/, refused("key", "remove", "00000000", code: 3))
    tandem "key", "remove", old
    assert_equal [fresh], keys.map { |k| k["id"] }
    call
    Process.kill("KILL", core = server.core_pid)
    eventually("a new core") { r = server.run("status", "--json"); r.ok? && r.json["pid"] != core }
    call
    assert_equal 0, @carrier.refused
    refute_match(/cannot be opened|cannot be used/, server.log)
  end

  # Phones' nonces outlive both rotation and removal of the oldest key.
  def test_nonces_survive
    server.demo("alice").start
    phone = Phone.new("alice", server.port)
    phone.send_text(phone.request("REGISTER", "sip:example.test", to: "sip:alice@example.test"))
    challenge = phone.expect_final("REGISTER")
    old = current["id"]
    tandem "key", "rotate"
    tandem "key", "remove", old
    server.stop
    server.start
    phone.send_text(phone.request("REGISTER", "sip:example.test", to: "sip:alice@example.test",
                                  headers: [phone.authorization("REGISTER", "sip:example.test", challenge)]))
    assert_equal 200, phone.expect_final("REGISTER").status
  end

  # Sealed anew is not changed: nothing is sent to the provider. A new password is.
  def test_a_rotation_registers_nothing
    server.demo("alice").start
    @carrier = Carrier.new(server.port, name: "me", password: SECRET)
    add "trunk", port: @carrier.port
    tandem "provider", "set", "trunk", "--register", "--realm", "carrier"
    eventually("it registers") { @carrier.registered.size == 1 }
    trunk = @carrier.registered.first
    tandem "key", "rotate"
    tandem "key", "remove", keys.first["id"]
    add "last", port: @carrier.port
    tandem "provider", "set", "last", "--register", "--realm", "carrier"
    eventually("the other one registers") { @carrier.registered.uniq.size == 2 }
    assert_equal 1, @carrier.registered.count(trunk)
    @carrier.password = "another-secret"
    tandem "provider", "set", "trunk", "--password-stdin", input: "another-secret\n"
    eventually("it registers anew") { @carrier.registered.count(trunk) == 2 }
  end

  # Somebody sits at the prompt while the keys change.
  def test_a_password_that_comes_late
    server.demo
    add "first"
    input, output = IO.pipe
    pid = Process.spawn(server.env, PROGRAM, "provider", "add", "late", "--server", "sip.example.com", "--username", "me",
                        "--password-stdin", in: input, out: File::NULL)
    output.print("Sesame")
    sleep 0.2
    old = current["id"]
    tandem "key", "rotate"
    tandem "key", "remove", old
    output.puts("-late")
    Process.wait(pid)
    assert $?.success?
    assert_equal [current["id"], nil], shown("late").values_at("password_key", "password_fault")
  end

  # Two services on one database, each with a key file of its own: the key is brought to both before
  # it is used.
  def test_two_machines
    server.demo("alice").start
    with_calls
    other = Tandem.new("store" => { "url" => "sqlite:#{server.dir}/data/tandem.db" })
    FileUtils.mkdir_p(File.join(other.dir, "data"))
    bring = -> { FileUtils.cp(key_file, File.join(other.dir, "data", "tandem.key")) }
    bring.call
    FileUtils.chown_R("tandem", nil, File.join(other.dir, "data")) if Process.uid.zero?
    other.start
    tandem "key", "add"
    bring.call
    Process.kill("HUP", other.pid)
    eventually("the other one has both") { other.log.include?("2 keys are here") }
    tandem "key", "rotate"
    other.run("provider", "set", "trunk", "--expires", "700")
    refute_match(/which is not here/, other.log)
    assert_nil other.run("provider", "show", "trunk", "--json").json["password_fault"]
    tandem "key", "rotate" # and now without bringing it
    eventually("the other one says so") { other.log.include?("which is not here") }
    bring.call
    eventually("the other one finds it") { other.log.include?("3 keys are here") }
  ensure
    puts other.log.lines.last(30) if other && !passed?
    other&.clean
  end

  # kill -9 in the middle, again and again, while calls go through a provider: nothing is lost, and
  # the next rotation goes on where the last one ended.
  def test_a_rotation_that_is_killed
    server.demo("alice").start
    with_calls
    import 3000
    old = current["id"]
    middle = 0
    calls = 0
    rng = Random.new(42)
    calling = true
    caller = Thread.new { (call; calls += 1; sleep 0.02) while calling }
    (1..200).each do |attempt|
      break if keys.find { |k| k["id"] == old }["passwords"] == 0
      pid = Process.spawn(server.env, PROGRAM, "key", "rotate", out: File::NULL, err: File::NULL)
      sleep rng.rand(0.002..0.04 + 0.01 * attempt) # longer and longer, for slow machines
      Process.kill("KILL", pid)
      Process.wait(pid)
      left = keys
      assert_operator left.size, :<=, 2, "one new key for all attempts"
      assert_equal 3001, left.sum { |k| k["passwords"] }
      refute(left.any? { |k| k["state"] == "not here" })
      waiting = left.find { |k| k["id"] == old }["passwords"]
      next unless waiting.between?(1, 3000)
      middle += 1
      assert_match(/#{waiting} passwords are still sealed with key #{old}/, refused("key", "remove", old))
    end
    assert_operator middle, :>, 1, "hardly ever killed in the middle"
    calling = false
    caller.value
    assert_operator calls, :>, 0
    tandem "key", "rotate" if keys.find { |k| k["id"] == old }["passwords"] > 0
    assert_equal 3001, current["passwords"]
    tandem "key", "remove", old
    call
    assert_equal 0, @carrier.refused
    assert_equal [], Dir.glob("#{key_file}.*")
    refute_match(/cannot be opened|cannot be used/, server.log)
    assert_equal 3001, JSON.parse(tandem("provider", "list", "--json")).count { |p| p["has_password"] }
  end

  # A key that only another node has: said in words, and mended as soon as it is here.
  def test_a_key_that_is_not_here
    server.demo("alice").start
    with_calls
    before = File.read(key_file)
    tandem "key", "rotate"
    after = File.read(key_file)
    fresh = current["id"]
    File.write(key_file, before)
    Process.kill("HUP", server.pid)
    words = "its password was sealed with key #{fresh}, which is not here"
    eventually("keys are read again") { server.log.include?("1 keys are here") }
    tandem "provider", "set", "trunk", "--expires", "600"
    eventually("the event") { tandem("log", "kind=provider.password").include?(words) }
    assert_equal words, shown("trunk")["password_fault"]
    assert_match(/PASSWORD FAULT +#{words}/, tandem("provider", "show", "trunk"))
    assert_equal [["current", 0], ["not here", 1]], keys.map { |k| k.values_at("state", "passwords") }
    File.write(key_file, after)
    eventually("it looks for the key by itself") { keys.all? { |k| k["in_service"] } }
    eventually("the password is opened") { tandem("log", "kind=service.keys").include?("2 keys are here; #{fresh} seals") }
    tandem "provider", "set", "trunk", "--expires", "700" # what it does not know, it hears now
    call
    assert_nil shown("trunk")["password_fault"]
  end

  def test_faults_of_the_key_file
    server.demo
    add "trunk"
    good = File.read(key_file)
    { "" => /no key in it/, "abcd" => /line 1: a key has 64 hex digits/, good[0, good.size - 20] => /64 hex digits/,
      "x" * 9000 => /too long/ }.each do |text, fault|
      File.write(key_file, text)
      said = refused("provider", "add", "more", "--server", "a.example", "--username", "me", "--password-stdin", input: "#{SECRET}\n")
      assert_match fault, said
      assert_match fault, refused("key", "rotate")
    end
    File.write(key_file, good)
    File.chmod(0o640, key_file)
    assert_match(/others may read the key file .*chmod 600/, refused("key", "rotate"))
    File.chmod(0o600, key_file)
    tandem "key", "rotate"
    assert_equal ["trunk"], JSON.parse(tandem("provider", "list", "--json")).map { |p| p["name"] }
  end

  # A file of one key, as it was before there were several.
  def test_a_file_of_one_key
    FileUtils.mkdir_p(File.join(server.dir, "data"))
    File.write(key_file, "#{"0123456789abcdef" * 4}\n", perm: 0o600)
    FileUtils.chown_R("tandem", nil, File.join(server.dir, "data")) if Process.uid.zero?
    server.demo("alice").start
    with_calls
    call
    assert_equal "0123456789abcdef" * 4, File.read(key_file).strip
    old = current["id"]
    tandem "key", "rotate"
    tandem "key", "remove", old
    call
    refute_includes File.read(key_file), "0123456789abcdef"
  end

  def test_limits
    server.demo
    add "trunk"
    15.times { tandem "key", "add" }
    assert_match(/there are 16 keys already/, refused("key", "add"))
    tandem "key", "rotate"
    assert_match(/there are 16 keys already/, refused("key", "rotate"))
    assert_nil shown("trunk")["password_fault"]
    tandem "key", "remove", keys.first["id"]
    tandem "key", "rotate"
    assert_equal 1, current["passwords"]
  end

  def test_one_rotation_at_a_time
    server.demo
    import 2000
    first = Process.spawn(server.env, PROGRAM, "key", "rotate", out: File::NULL)
    eventually("it is at work") { keys.size == 2 }
    assert_match(/another command is changing the keys/, refused("key", "rotate"))
    Process.wait(first)
    assert $?.success?
    assert_equal 2000, current["passwords"]
  end

  # All nodes get the key before it is used.
  def test_a_key_in_advance
    server.demo
    add "trunk"
    tandem "key", "add"
    assert_equal ["current", "to come"], keys.map { |k| k["state"] }
    coming = keys.last["id"]
    tandem "key", "rotate"
    assert_equal [["opens", 0], ["current", 1]], keys.map { |k| k.values_at("state", "passwords") }
    assert_equal coming, current["id"]
  end

  def test_a_credential_of_systemd
    credentials = File.join(server.dir, "credentials")
    source = File.join(server.dir, "source.key")
    Dir.mkdir(credentials)
    File.write(source, "#{"ab" * 32}\n", perm: 0o600)
    give = lambda do
      FileUtils.rm_f(File.join(credentials, "tandem-key"))
      FileUtils.cp(source, File.join(credentials, "tandem-key"))
      File.chmod(0o440, File.join(credentials, "tandem-key"))
    end
    give.call
    server.set("service", "key_file", source)
    server.env["CREDENTIALS_DIRECTORY"] = credentials
    server.demo("alice").start
    assert_match(/credential of systemd/, refused("key", "rotate"))
    server.env.delete("CREDENTIALS_DIRECTORY")
    with_calls
    call
    assert_match(/the running service has other keys than .*restart it/m, refused("key", "rotate"))
    assert_equal 1, keys.first["passwords"], "nothing was sealed with a key that the service lacks"
    server.stop
    give.call
    server.env["CREDENTIALS_DIRECTORY"] = credentials
    server.start
    server.env.delete("CREDENTIALS_DIRECTORY")
    tandem "key", "rotate"
    assert_equal [["opens", 0], ["current", 1]], keys.map { |k| k.values_at("state", "passwords") }
    call
  end

  # ---- nowhere in the clear ----

  # As it is, in hex and in base64, and what is as good as it: HA1.
  def disguises(secret, ha1: nil)
    [secret, secret.unpack1("H*"), [secret].pack("m0").delete("="), ha1].compact
  end

  def assert_hidden(secrets, text, where)
    text = text.b
    secrets.each { |s| refute text.include?(s.b), "a secret is in #{where}" }
  end

  # Everything that the service and its database leave on disk, but the key file.
  def search_files(secrets)
    files = Dir.glob(File.join(server.dir, "**", "*"), File::FNM_DOTMATCH).select { |f| File.file?(f) && f != key_file }
    assert(files.any? { |f| f.end_with?(".db") })
    files.each { |f| assert_hidden secrets, File.binread(f), f }
  end

  # The command line and environment of every process of the service.
  def search_processes(secrets)
    pids = [server.pid, *server.children, *server.children.flat_map { |p| server.children(p) }]
    assert_operator pids.size, :>=, 3
    pids.each do |pid|
      %w[cmdline environ comm].each { |f| assert_hidden secrets, (File.binread("/proc/#{pid}/#{f}") rescue ""), "#{f} of process #{pid}" }
    end
  end

  def ask_control(request)
    socket = UNIXSocket.new(File.join(server.dir, "data", "control.sock"))
    socket.puts(JSON.generate(request))
    socket.read
  ensure
    socket&.close
  end

  # What the control socket says to every command that it knows, and to some nonsense.
  def search_control(secrets)
    [{ command: "status" }, { command: "bindings" }, { command: "calls" }, { command: "contention" }, { command: "keys" },
     { command: "keys", reload: true }, { command: "refresh" }, { command: "providers" }, { command: "nonsense" },
     { command: "log", limit: 5000, filter: ["level=debug"] }, { command: "log", limit: 5000, json: true }].each do |r|
      assert_hidden secrets, ask_control(r), "the answer to #{r}"
    end
  end

  def search_commands(secrets)
    [%w[provider show trunk], %w[provider show trunk --json], %w[provider list], %w[provider list --json], %w[key list --json],
     %w[log level=debug], %w[status], %w[cdrs --json]].each { |c| assert_hidden secrets, tandem(*c), c.join(" ") }
  end

  def search_all(secrets)
    search_files(secrets)
    search_processes(secrets)
    search_control(secrets)
    search_commands(secrets)
  end

  # While a command waits for the password, everybody can see its command line.
  def add_watched(secrets)
    input, output = IO.pipe
    pid = Process.spawn(server.env, PROGRAM, "provider", "set", "trunk", "--customer", "demo",
                        "--password-stdin", in: input, out: File::NULL)
    output.print(SECRET)
    output.flush
    sleep 0.2
    assert_includes File.binread("/proc/#{pid}/cmdline"), "trunk"
    %w[cmdline environ].each { |f| assert_hidden secrets, File.binread("/proc/#{pid}/#{f}"), f }
    output.puts
    output.close
    Process.wait(pid)
    assert $?.success?
  end

  def test_secrets_are_nowhere_in_the_clear
    server.set("log", "level", "debug")
    server.demo("alice").start
    secrets = disguises(SECRET, ha1: Digest::MD5.hexdigest("me:carrier:#{SECRET}"))
    with_calls
    call
    add_watched(secrets)
    call
    file = File.join(server.dir, "providers.csv")
    File.write(file, "name,customer,server,username,password,expires\nmore,demo,sip.example.com,me,#{SECRET},600\nbad,demo,sip.example.com,me,#{SECRET},7\n")
    assert_hidden secrets, refused("provider", "import", file), "complaints about an import"
    File.write(file, File.read(file).sub(",7\n", ",70\n"))
    tandem "provider", "import", file
    File.delete(file)
    search_all(secrets)
    with_key = secrets + File.read(key_file).scan(/\h{64}/).flat_map { |k| [k, k.upcase, [k].pack("H*")] }
    tandem "key", "rotate"
    with_key += File.read(key_file).scan(/\h{64}/).flat_map { |k| [k, [k].pack("H*")] }
    call
    search_all(with_key)
    server.stop
    search_files(with_key)
    assert_equal 0, @carrier.refused
  end

  def test_nothing_is_imported_without_a_key
    server.demo
    add "trunk"
    file = File.join(server.dir, "providers.csv")
    File.write(file, "name,customer,server,username,password\nmore,demo,sip.example.com,me,#{SECRET}\n")
    File.write(key_file, "")
    assert_match(/in the clear they are not written/, refused("provider", "import", file))
    File.delete(file)
    search_files(disguises(SECRET))
    assert_equal ["trunk"], JSON.parse(tandem("provider", "list", "--json")).map { |p| p["name"] }
  end

  # A row of the database in the place of another opens nothing.
  def test_swapped_rows
    skip "no sqlite3" unless system("which sqlite3 > /dev/null")
    server.demo
    add "one"
    add "two", "another-secret"
    db = File.join(server.dir, "data", "tandem.db")
    assert system("sqlite3", db, "UPDATE providers SET password_sealed = (SELECT password_sealed FROM providers WHERE name = 'one') WHERE name = 'two'")
    assert_match(/was altered in the database/, shown("two")["password_fault"])
    assert_nil shown("one")["password_fault"]
    assert_match(/1 passwords were altered/, server.run("key", "list").err)
  end
end
