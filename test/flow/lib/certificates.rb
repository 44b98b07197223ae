# SPDX-License-Identifier: BSD-3-Clause
# Somebody who signs certificates, in a directory.
require "openssl"

class Signer
  attr_reader :dir, :certificate

  def initialize(dir, name = "Test")
    @dir, @serial, @key = dir, 1, OpenSSL::PKey::EC.generate("prime256v1")
    @certificate = build("CN=#{name}", @key, { "basicConstraints" => "CA:TRUE", "keyUsage" => "keyCertSign" })
    write("#{name}.pem", @certificate.to_pem)
  end

  def build(subject, key, extensions, from: Time.now - 3600, to: Time.now + 86_400)
    c = OpenSSL::X509::Certificate.new
    c.version = 2
    c.serial = (@serial += 1)
    c.subject = OpenSSL::X509::Name.parse("/#{subject}")
    c.issuer = @certificate&.subject || c.subject
    c.public_key = key
    c.not_before, c.not_after = from, to
    factory = OpenSSL::X509::ExtensionFactory.new(@certificate || c, c)
    extensions.each { |k, v| c.add_extension(factory.create_extension(k, v, k == "basicConstraints")) }
    c.sign(@key, OpenSSL::Digest.new("SHA256"))
  end

  def write(name, text)
    path = File.join(dir, name)
    File.write(path, text, perm: 0o600)
    path
  end

  # Files CHAIN and KEY for these names ("DNS:a.test", "URI:sip:a.test").
  def sign(file, *names, **times)
    key = OpenSSL::PKey::EC.generate("prime256v1")
    c = build("CN=#{file}", key, { "subjectAltName" => names.join(",") }, **times)
    [write("#{file}.pem", c.to_pem), write("#{file}.key", key.to_pem)]
  end

  def pair(file, *names, **times)
    chain, key = sign(file, *names, **times)
    [OpenSSL::X509::Certificate.new(File.read(chain)), OpenSSL::PKey.read(File.read(key))]
  end
end
