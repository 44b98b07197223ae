-- MySQL dump 10.13
DROP TABLE IF EXISTS `customers`;
CREATE TABLE `customers` (
  `id` varchar(36) NOT NULL,
  `customerusername` varchar(32) NOT NULL,
  `customerpassword` varchar(32) NOT NULL DEFAULT 'a;b)',
  `Salt` varchar(64),
  `maxexecutioncount` int(11) NOT NULL DEFAULT '5',
  `suspended` bit(1) NOT NULL DEFAULT b'0',
  PRIMARY KEY (`id`),
  UNIQUE KEY `customerusername` (`customerusername`)
) ENGINE=InnoDB;
LOCK TABLES `customers` WRITE;
INSERT INTO `customers` VALUES ('1','joeblow','hash','1388.x',7,'\0'),('2','anna-b','hash2',NULL,5,_binary '');
INSERT INTO `sipdomains` (`id`,`domain`,`aliaslist`,`owner`) VALUES ('1','sip.example.org','local;*',NULL);
INSERT INTO `sipdialplans` (`owner`,`dialplanname`,`dialplanscript`,`scripttypedescription`) VALUES
 ('joeblow','default','sys.Log(\"it\'s; a \\d test\")\r\nsys.Dial(\'1@trunk\')\n','Ruby');
INSERT INTO `sipaccounts` (`owner`,`sipusername`,`sippassword`,`sipdomain`,`outdialplanname`) VALUES ('joeblow','joe10','pass''word','sip.example.org','default');
INSERT INTO `dialplandata` (`dataowner`,`datakey`,`datavalue`) VALUES ('joeblow','count','42');
INSERT INTO `SimpleWizardRule` (`ID`,`Owner`,`DialPlanID`,`Direction`) VALUES ('7','joeblow','1','Out');
INSERT INTO `sipdialplans` (`id`,`owner`,`dialplanname`,`dialplanscript`,`scripttypedescription`) VALUES ('w1','joeblow','wiz','require \'simplewizard\'','SimpleWizard');
INSERT INTO `SimpleWizardRule` (`ID`,`Owner`,`DialPlanID`,`Direction`,`Priority`,`Description`,`ToMatchType`,`PatternType`,`Pattern`,`Command`,`CommandParameter1`,`CommandParameter2`,`TimePattern`,`IsDisabled`,`ToSIPAccount`) VALUES
 ('8','joeblow','w1','Out','1.500','To the UK',NULL,'Prefix','_0044N','Dial','${dst:2}','trunk',NULL,b'0',NULL),
 ('9','joeblow','w1','In',2.000,'Evenings',NULL,NULL,NULL,'Reject','480',NULL,'MTu;18:00-20:00',b'1','joe10@sip.example.org');
INSERT INTO `unrelated` VALUES (1,'x;y',0x41);
