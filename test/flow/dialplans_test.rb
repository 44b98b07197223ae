# SPDX-License-Identifier: BSD-3-Clause
# Dialplans without calls: tandem dialplan run, tandem dialplan test.
require_relative "lib/tandem"

class DialplansTest < FlowTest
  def script(text, name = "plan.rb")
    path = File.join(server.dir, name)
    File.write(path, text)
    path
  end

  def steps(text, *args)
    JSON.parse(tandem("dialplan", "run", script(text), "--json", *args))
  end

  def test_every_step_is_told
    told = steps("sys.Log('hour ' + Time.now.hour.to_s)\nsys.Dial('${dst}@p1[dt=2]|bob@local', 20)\nsys.Respond(486, 'No')",
                 "--from", "alice", "--to", "4412", "--at", "2026-03-04 09:30", "--provider", "p1 sip.one.example proxy=192.0.2.1 transport=tcp header='X-A: ${dst}'",
                 "--account", "bob", "--answer", "p1=503,bob=busy")
    assert_equal %w[log dial respond end], told.map { |s| s["step"] }
    assert_equal "hour 9", told[0]["text"]
    first, second = told[1]["legs"]
    assert_equal ["sip:4412@sip.one.example", "sip:192.0.2.1;transport=tcp", { "delay_s" => 2 }, ["X-A: 4412"], 503],
                 first.values_at("uri", "hop", "options", "headers", "status")
    assert_equal ["account", "sip:bob@example.com", 2, 486], second.values_at("kind", "uri", "group", "status")
    assert_equal ["failed", 486], told[3].values_at("how", "status")
  end

  def test_an_answer_ends_the_script
    told = steps("begin\nsys.Dial('1@p1')\nsys.Log('never')\nensure\nsys.Log('at last')\nend", "--to", "1", "--provider", "p1", "--answer", "p1=ok")
    assert_equal ["at last"], told.select { |s| s["step"] == "log" }.map { |s| s["text"] }
    assert_equal "answered", told.last["how"]
  end

  def test_redirects_are_followed
    told = steps("sys.Dial('1@p1')", "--to", "1", "--provider", "p1", "--account", "bob", "--answer", "p1=302:sip:bob@example.com,bob=ok")
    assert_equal ["1@p1", "sip:bob@example.com"], told[0]["legs"].map { |l| l["to"] }
    assert_equal "answered", told.last["how"]
  end

  def test_hostile_scripts_end
    assert_match(/SecurityError/, server.run("dialplan", "run", script("File.read('/etc/passwd')"), "--to", "1").out)
    assert_match(/ran longer|ended/, server.run("dialplan", "run", script("loop {}"), "--to", "1").out)
    assert_match(/1000 log lines/, server.run("dialplan", "run", script("2000.times { sys.Log('x') }"), "--to", "1").out)
    assert_match(/more than 20 legs/, server.run("dialplan", "run", script("30.times { sys.Dial('1@p') }"), "--to", "1", "--json").out)
  end

  def test_with_the_database_and_nothing_is_left
    server.demo("alice", "bob")
    tandem "provider", "add", "trunk", "--server", "sip.example.com", "--username", "me", "--password-stdin", input: "provider-secret\n"
    told = steps("sys.DBWrite('a', 'b')\nsys.Log(sys.DBRead('a'))\nsys.Dial('7@trunk&bob@example.test')", "--from", "alice", "--to", "7", "--customer", "demo")
    assert_equal ["sip:7@sip.example.com", "sip:bob@example.test"], told[2]["legs"].map { |l| l["uri"] }
    again = steps("sys.Log(sys.DBRead('a').inspect)", "--to", "7", "--customer", "demo")
    assert_equal "nil", again[0]["text"]
  end

  def test_expectations
    script("sys.Dial('1@p1')\nsys.Log('then')\n")
    good = "provider p1\ntest one\n out a to 1\n leg 1@p1\n log then\n failed 480\n"
    file = script(good, "plan.test")
    assert_match(/1 tests, 0 failed/, tandem("dialplan", "test", server.dir))
    { "leg 2@p1" => /plan.test:4:.*the leg is "1@p1"/, "no leg" => /there is one: 1@p1/, "answered" => /the end is "failed"/,
      "respond 486" => /there is no respond/, "header X: 1" => /no such header/, "what" => /is no word/ }.each do |line, complaint|
      File.write(file, good.sub("leg 1@p1", line))
      result = server.run("dialplan", "test", file)
      assert_equal 1, result.code
      assert_match complaint, result.out
    end
    File.write(file, "provider a.b c=d\ntest x\n")
    assert_match(/plan.test:1:/, server.run("dialplan", "test", file).out)
    assert_match(/no .test file/, refused("dialplan", "test", File.join(server.dir, "data"))) if Dir.exist?(File.join(server.dir, "data"))
  end
end
