# SPDX-License-Identifier: BSD-3-Clause
# req: the request that started the script.

module Tandem
  class Request
    attr_accessor :Method, :URI, :Header, :Body, :UnknownMethod, :ReceivedRoute
    attr_reader :Created, :SIPVersion, :LocalSIPEndPoint, :RemoteSIPEndPoint

    def initialize(input)
      @input = input
      @Method = input['method']
      @URI = SIPURI.ParseSIPURIRelaxed(input['uri']) || SIPURI.new('sip', nil, input['uri'].to_s)
      @Header = Header.new(input['headers'] || [])
      @Body = input['body']
      @Created = Time.now
      @SIPVersion = 'SIP/2.0'
      @RemoteSIPEndPoint = EndPoint.parse(input['remote']) if input['remote']
      @LocalSIPEndPoint = EndPoint.parse(input['local']) if input['local']
    end

    def method(*name) = name.empty? ? @Method : super
    def Copy = Request.new(@input)
    def IsValid = true
    def CreateBranchId = "z9hG4bK#{SecureRandom.hex(12)}"
    def to_s = "#{@Method} #{@URI} SIP/2.0\r\n#{@Header}\r\n#{@Body}"
    alias ToString to_s
    def inspect = "#{@Method} #{@URI}"
    Names.spread(self)
  end
end

module SIPSorcery
  module SIP
    SIPURI = Tandem::SIPURI
  end
end
