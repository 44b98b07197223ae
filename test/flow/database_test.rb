# SPDX-License-Identifier: BSD-3-Clause
# The database is damaged, deleted, replaced, under the real service.
require_relative "lib/tandem"
require_relative "lib/sip"

class DatabaseTest < FlowTest
  def database = Dir[File.join(server.dir, "data", "*.db")].first
  def accounts = tandem("account", "list", "--json").then { |t| JSON.parse(t) }.map { |a| "#{a["username"]}@#{a["domain"]}" }
  def log_says(text) = eventually("the log says #{text}\n#{server.log}") { server.log.include?(text) }

  def overwrite
    File.open(database, "r+b") { |f| f.write("\xa5" * 65_536) }
  end

  def test_starts_on_a_damaged_database
    server.demo("alice")
    overwrite
    server.start
    log_says "until a backup is restored"
    assert_equal 1, Dir[File.join(server.dir, "data", "*.damaged-*")].grep_v(/-(wal|shm)$/).size
    assert_empty accounts
    server.demo("alice")
    Phone.new("alice", server.port).register
  end

  def test_deleted_under_the_service
    server.demo("alice").start
    phone = Phone.new("alice", server.port)
    phone.register
    File.delete(database)
    log_says "written anew, nothing is lost" # by itself, though nobody writes
    phone.register
    assert_equal ["alice@example.test"], accounts
    assert_equal ["alice@example.test"], JSON.parse(tandem("bindings", "--json")).map { |b| b["aor"] }
    server.stop
    server.start
    Phone.new("alice", server.port).register
  end

  def test_damaged_under_the_service
    server.demo("alice").start
    server.stop # so that nothing is in the log of the database only
    server.start
    phone = Phone.new("alice", server.port)
    tandem("domain", "add", "other.test") # what the writer has read before is out of date
    overwrite
    phone.register
    log_says "the database was damaged; it is kept as"
    eventually("the accounts are back") { server.run("account", "list", "--json").then { |r| r.ok? && r.out.include?("alice") } }
    server.stop
    server.start
    assert_equal ["alice@example.test"], JSON.parse(tandem("bindings", "--json")).map { |b| b["aor"] }
    Phone.new("alice", server.port).register
  end
end
