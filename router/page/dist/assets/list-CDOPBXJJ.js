import{p as a,q as b}from"./chunk-IOFBDUM2.js";import"./chunk-D2XT64RT.js";import"./chunk-73IDQYZD.js";export{b as ConversationList,a as ListOfLinks};
